-- Which of the swiper's own days a swipe was charged on, in days since 1970: daily counts are
-- restored from it. 0: on none (imported, taken back, or older than this column).
alter table swipes add column charged_on int not null default 0;
