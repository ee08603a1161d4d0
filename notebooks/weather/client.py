"""How the other programs speak to the store."""

from urllib.request import Request, urlopen

from settings import value


def lines(path):
    """The lines that the store has under a path such as "readings"."""
    with urlopen(f"{value('store', 'http://store:8000')}/{path}", timeout=2) as answer:
        return answer.read().decode().split()


def send(path, line):
    """Have the store add a line."""
    token = value("token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{value('store', 'http://store:8000')}/{path}"
    urlopen(Request(url, str(line).encode(), headers), timeout=2).close()
