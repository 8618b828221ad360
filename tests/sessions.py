"""A visitor as the server knows one: a session over a websocket that speaks Streamlit's protocol.

It asks and presses as a browser does, or as none would, and costs the machine next to nothing.
"""

import asyncio
import json
import time
import urllib.request
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState, UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

EARLY = ForwardMsg.ScriptFinishedStatus.Value("FINISHED_EARLY_FOR_RERUN")  # a rerun follows
# How a widget of each kind tells its value.
TELLS = {
    "button": "trigger_value", "text_area": "string_value", "text_input": "string_value",
    "number_input": "double_value", "button_group": "string_array_value",
    "tab_container": "string_value", "slider": "double_array_value",
}  # fmt: skip


@dataclass
class Session:
    """One visitor of a page, with what its last answer held."""

    address: str
    page: str
    query: str = ""
    workspace: str = ""  # what its browser keeps; empty as long as that has not answered
    seconds: float = 60.0  # for an answer, at most
    id: str = ""
    page_hash: str = ""
    elements: dict[str, tuple[str, str]] = field(default_factory=dict)  # label: kind and id
    values: dict[str, WidgetState] = field(default_factory=dict)  # what it has chosen, by id
    largest: int = 0  # bytes of an answer's message, so far
    awaits: bytes = b""  # what a message has to hold, to have `came` note when it came first
    came: float = 0.0

    async def __aenter__(self) -> Self:
        self._connection = websockets.connect(
            f"ws{self.address.removeprefix('http')}/_stcore/stream",
            subprotocols=["streamlit"],
            origin=self.address,
            max_size=None,
        )
        self.socket = await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    async def ask(self, fragment: str = "") -> list[ForwardMsg]:
        """Asks for the page, or a part of it, and waits for the whole answer."""
        ask = BackMsg()
        rerun = ask.rerun_script
        rerun.query_string = self.query
        rerun.page_name = "" if self.page_hash else self.page
        rerun.page_script_hash = self.page_hash
        rerun.fragment_id = fragment
        rerun.is_auto_rerun = bool(fragment)
        rerun.widget_states.widgets.extend(self.values.values())
        await self.send(ask)
        return await self.answer()

    async def send(self, message: BackMsg) -> None:
        await self.socket.send(message.SerializeToString())

    async def answer(self) -> list[ForwardMsg]:
        """All that comes until a script has run to its end."""
        answers: list[ForwardMsg] = []
        async with asyncio.timeout(self.seconds):
            while True:
                data = await self.socket.recv()
                self.largest = max(self.largest, len(data))
                if self.awaits and self.awaits in data and not self.came:
                    self.came = time.monotonic()
                message = ForwardMsg()
                message.ParseFromString(data)
                kind = message.WhichOneof("type")
                if kind == "new_session":
                    answers, self.elements = [], {}
                    self.id = message.new_session.initialize.session_id or self.id
                elif kind == "navigation":
                    self.page_hash = message.navigation.page_script_hash
                elif kind == "delta":
                    self._note(message)
                answers.append(message)
                if kind == "script_finished" and message.script_finished != EARLY:
                    return answers

    def _note(self, message: ForwardMsg) -> None:
        delta = message.delta
        if delta.WhichOneof("type") == "new_element":
            kind = delta.new_element.WhichOneof("type")
            element = getattr(delta.new_element, kind)
            if label := getattr(element, "label", ""):
                self.elements[label] = kind, getattr(element, "id", "")
            elif kind == "bidi_component" and element.component_name == "minigpt_workspace":
                self.elements["workspace"] = kind, element.id
        elif delta.add_block.WhichOneof("type") == "tab_container":
            self.elements["tabs"] = "tab_container", delta.add_block.id

    def choose(self, label: str, value: Any) -> None:
        """Puts a value into the widget of that label, told with what is asked next. Raises KeyError
        when the page has none."""
        kind, widget = self.elements[label]
        state = WidgetState(id=widget)
        if kind in ("button_group", "slider"):
            getattr(state, TELLS[kind]).data.append(value)
        elif kind == "file_uploader":
            state.file_uploader_state_value.CopyFrom(value)
        else:
            setattr(state, TELLS[kind], value)
        self.values[widget] = state

    async def arrive(self) -> list[ForwardMsg]:
        """Opens the page as a browser does: once, and again with what the browser keeps."""
        await self.ask()
        _, widget = self.elements["workspace"]
        kept = json.dumps({"id": self.workspace})
        self.values[widget] = WidgetState(id=widget, json_value=kept)
        return await self.ask()

    async def upload(self, name: str, data: bytes) -> FileUploaderState:
        """Sends a file, of which the page hears only when it is chosen."""
        ask = BackMsg()
        ask.file_urls_request.request_id = name
        ask.file_urls_request.file_names.append(name)
        ask.file_urls_request.session_id = self.id
        await self.send(ask)
        async with asyncio.timeout(self.seconds):
            while True:
                message = ForwardMsg()
                message.ParseFromString(await self.socket.recv())
                if message.WhichOneof("type") == "file_urls_response":
                    break
        urls = message.file_urls_response.file_urls[0]
        await asyncio.to_thread(self._put, urls.upload_url, name, data)
        about = UploadedFileInfo(file_id=urls.file_id, name=name, size=len(data), file_urls=urls)
        return FileUploaderState(uploaded_file_info=[about])

    def _put(self, path: str, name: str, data: bytes) -> None:
        with urllib.request.urlopen(f"{self.address}/_stcore/health") as answer:
            cookie = answer.headers["Set-Cookie"].split(";")[0]
        edge = "edge-of-the-file"
        head = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
        body = f"--{edge}\r\n{head}\r\n\r\n".encode() + data + f"\r\n--{edge}--\r\n".encode()
        ask = urllib.request.Request(f"{self.address}{path}", body, method="PUT")
        ask.add_header("Content-Type", f"multipart/form-data; boundary={edge}")
        ask.add_header("Cookie", cookie)
        ask.add_header("X-Xsrftoken", cookie.split("=", 1)[1])
        urllib.request.urlopen(ask, timeout=self.seconds).close()

    async def press(self, label: str) -> list[ForwardMsg]:
        """Presses a button. Raises KeyError when the page has none of that label."""
        self.choose(label, True)
        try:
            return await self.ask()
        finally:
            self.values.pop(self.elements.get(label, ("", ""))[1], None)


def said(answers: list[ForwardMsg]) -> list[str]:
    """What alerts say among the answers, and exceptions."""
    told = []
    for message in answers:
        if message.WhichOneof("type") == "delta":
            element = message.delta.new_element
            if element.WhichOneof("type") == "alert":
                told.append(element.alert.body)
            elif element.WhichOneof("type") == "exception":
                told.append(f"exception: {element.exception.message}")
    return told
