"""Blobs, as far as timers need them: a small text, and a lease that one host at a time can hold."""

from local_run.functions_host.storage_account import StorageAccount, StorageRefused

CONTAINER = "azure-webjobs-hosts"
"""Where a Functions host keeps its own state."""


class Blob:
    """One small blob of the host's container, which is created when it is missing. All calls block."""

    def __init__(self, account: StorageAccount, path: str) -> None:
        self._account = account
        self._container = f"{account.connection.blob_endpoint}/{CONTAINER}"
        self._url = f"{self._container}/{path}"

    def read(self) -> bytes | None:
        """The content; None when there is no such blob."""
        try:
            return self._account.request("GET", self._url).body
        except StorageRefused as refusal:
            if refusal.status == 404:
                return None
            raise

    def write(self, content: bytes, *, only_new: bool = False) -> None:
        """Replace the content; with `only_new` an existing blob stays as it is."""
        headers = {"x-ms-blob-type": "BlockBlob", "content-type": "application/json"}
        if only_new:
            headers["if-none-match"] = "*"
        try:
            self._account.request("PUT", self._url, headers=headers, body=content)
        except StorageRefused as refusal:
            if only_new and refusal.status in {409, 412} and refusal.code != "ContainerBeingDeleted":
                return
            if refusal.code != "ContainerNotFound":
                raise
            self._create_container()
            self._account.request("PUT", self._url, headers=headers, body=content)

    def acquire_lease(self, seconds: int) -> str | None:
        """The id of a new lease (15 to 60 seconds); None while somebody else holds one. Creates the blob."""
        headers = {"x-ms-lease-action": "acquire", "x-ms-lease-duration": str(seconds)}
        try:
            return self._lease(headers)
        except StorageRefused as refusal:
            if refusal.code == "LeaseAlreadyPresent":
                return None
            if refusal.status != 404:
                raise
        self.write(b"{}", only_new=True)
        return self.acquire_lease(seconds)

    def renew_lease(self, lease_id: str) -> bool:
        """Whether the lease was still ours, and is for its full time again."""
        return self._still_ours({"x-ms-lease-action": "renew", "x-ms-lease-id": lease_id})

    def release_lease(self, lease_id: str) -> bool:
        """Let another one have it now; whether the lease was still ours."""
        return self._still_ours({"x-ms-lease-action": "release", "x-ms-lease-id": lease_id})

    def _still_ours(self, headers: dict[str, str]) -> bool:
        try:
            self._lease(headers)
        except StorageRefused as refusal:
            if refusal.status in {404, 409, 412}:
                return False
            raise
        return True

    def _lease(self, headers: dict[str, str]) -> str:
        answer = self._account.request("PUT", self._url, query={"comp": "lease"}, headers=headers)
        return answer.headers.get("x-ms-lease-id", "")

    def _create_container(self) -> None:
        try:
            self._account.request("PUT", self._container, query={"restype": "container"})
        except StorageRefused as refusal:
            if refusal.code != "ContainerAlreadyExists":
                raise
