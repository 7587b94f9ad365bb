"""HTML as a browser reads it, and a text that would act on one."""

from html.parser import HTMLParser

HOSTILE = "<script>alert('1')</script>\"&amp;\n\x1b[31m\u202egnp"


class Page(HTMLParser):
    """Reads HTML as a browser does: its tags, and the text of each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.texts.append("")
        assert {name for name, _ in attrs} <= {"colspan"}

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data.removesuffix("\n")
