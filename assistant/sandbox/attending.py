"""The client library's calls, each given up once the engine has no pulse."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from requests.adapters import BaseAdapter

from assistant.sandbox.pulse import Pulse

if TYPE_CHECKING:
    from docker import DockerClient
    from requests import PreparedRequest, Response


def attend(client: "DockerClient", pulse: Pulse) -> None:
    """From now on ``client`` waits as long as the engine shows ``pulse``."""
    api = client.api
    scheme = api.base_url.partition("://")[0]
    api.mount(f"{scheme}://", _Attending(api.get_adapter(api.base_url), pulse))


class _Attending(BaseAdapter):
    def __init__(self, inner: BaseAdapter, pulse: Pulse) -> None:
        super().__init__()
        self._inner, self._pulse = inner, pulse

    def send(
        self,
        request: "PreparedRequest",
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> "Response":
        given: dict[str, Any] = {"timeout": timeout, "verify": verify, "cert": cert}

        def sent() -> "Response":
            answer = self._inner.send(request, stream=stream, proxies=proxies, **given)
            if not stream:
                _ = answer.content  # Read here, while somebody watches.
            return answer

        return self._pulse.attended(sent)

    def close(self) -> None:
        self._inner.close()
