"""MLflow as the stack runs it: artifacts go through the server, foreign host names do not."""

import httpx


async def test_artifacts_are_kept_by_the_server_and_strange_hosts_refused(mlflow_url: str) -> None:
    async with httpx.AsyncClient(base_url=mlflow_url) as client:
        path = "/api/2.0/mlflow-artifacts/artifacts/1/a.txt"
        assert (await client.put(path, content=b"kept")).status_code == 200
        assert (await client.get(path)).content == b"kept"
        search = "/api/2.0/mlflow/experiments/search?max_results=1"
        answer = await client.get(search)
        assert answer.json()["experiments"][0]["artifact_location"] == "mlflow-artifacts:/0"
        refused = await client.get(search, headers={"Host": "elsewhere.example"})
        assert refused.status_code == 403
