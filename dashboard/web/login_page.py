"""The login page. It loads nothing of the dashboard.

The address has the key of a message (`MESSAGES`), never its text.
"""

import base64
import hashlib
import html

_SCRIPT = """
const kept = localStorage.getItem("mantine-color-scheme-value");
const dark = kept === "dark" || (kept !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.dataset.mantineColorScheme = dark ? "dark" : "light";
"""
SCRIPT_HASH = f"'sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}'"

ASSETS = ("assets/page.css", "assets/logo.svg", "assets/favicon.svg")
"""The files that the page loads; they contain no data."""

MESSAGES = {
    "ended": "Your session has ended. Sign in again.",
    "refused": "The API does not accept your token any more. It may have expired. Sign in with a new one.",
    "wrong": "The API does not accept this token. Is it complete, of this cluster and not expired?",
    "proxy": "The API does not accept the token of the proxy in front. Sign in again at the proxy.",
    "long": "This token is too long for a cookie. Use a service account's, or a proxy that signs you in.",
    "often": "There were too many failed logins. Try again in a minute.",
    "away": "The cluster's API cannot check your token now. Try again later.",
    "out": "You are signed out.",
}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · TrafficMetrics</title>
<link rel="icon" href="assets/favicon.svg">
<link rel="stylesheet" href="assets/page.css">
<style>
* {{ box-sizing: border-box; }}
body {{ margin: 0; font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }}
main {{
  width: min(460px, calc(100vw - 32px)); margin: min(14vh, 120px) auto 32px; padding: 28px 32px;
  border: 1px solid var(--tm-line); border-radius: 12px; background: var(--tm-surface);
}}
header {{ display: flex; align-items: center; gap: 12px; }}
p {{ margin: 16px 0 0; color: var(--tm-muted); }}
p.why {{
  padding: 10px 14px; border-left: 4px solid var(--tm-select); border-radius: 6px;
  background: var(--tm-page); color: var(--tm-text);
}}
p.why.wrong {{ border-left-color: var(--tm-failing); }}
label {{ display: block; margin: 20px 0 6px; font-size: 12px; font-weight: 600; color: var(--tm-muted); }}
input, button {{ width: 100%; height: 40px; border-radius: 8px; font: inherit; }}
input {{
  padding: 0 12px; border: 1px solid var(--tm-idle); background: var(--tm-surface); color: var(--tm-text);
}}
button {{
  margin-top: 14px; border: 0; background: #3b5bdb; color: #fff; font-weight: 600; cursor: pointer;
}}
button:hover {{ background: #364fc7; }}
:focus-visible {{ outline: 3px solid var(--tm-select); outline-offset: 2px; }}
code {{
  display: block; margin-top: 6px; padding: 8px 12px; border-radius: 6px; background: var(--tm-page);
  color: var(--tm-text); font-size: 13px; overflow-wrap: anywhere;
}}
</style>
<script>{script}</script>
</head>
<body>
<main>
<header><img src="assets/logo.svg" alt="" class="tm-logo"><h1 class="tm-title">TrafficMetrics</h1></header>
{why}<form method="post" action="login">
<input type="hidden" name="next" value="{query}">
<label for="token">Kubernetes token</label>
<input id="token" name="token" type="password" required autofocus autocomplete="off" spellcheck="false">
<button type="submit">Sign in</button>
</form>
<p>You see what this token may read. To create one of a service account, valid for an hour:
<code>kubectl create token NAME -n NAMESPACE</code></p>
{plain}</main>
</body>
</html>
"""
_CLEARTEXT = """<p class="why wrong" role="note">This connection is not encrypted: others may read the token.
Use HTTPS or kubectl port-forward.</p>
"""
_NOT_ERRORS = ("out",)


def render(*, message_key: str, query: str, encrypted: bool) -> str:
    """The HTML of the page. `message_key` is a key of `MESSAGES`, `query` the view to open afterwards."""
    css_class = "why" if message_key in _NOT_ERRORS else "why wrong"
    message = MESSAGES.get(message_key)
    paragraph = f'<p class="{css_class}" role="status">{message}</p>\n' if message else ""
    return _PAGE.format(
        script=_SCRIPT,
        why=paragraph,
        query=html.escape(query, quote=True),
        plain="" if encrypted else _CLEARTEXT,
    )
