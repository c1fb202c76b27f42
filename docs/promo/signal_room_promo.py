"""Signal Room in a newsletter or a redirect: what to show, that it was shown, that it was clicked.

Copy this file; it needs Python 3.8 and nothing else. Nothing in it raises and nothing takes longer than its time: whatever
is wrong, the newsletter is sent, without a promo or without a count, and the visitor is redirected.
"""

import json
import logging
import re
import threading
import urllib.error
import urllib.parse
import urllib.request

log = logging.getLogger("signal_room_promo")
MOST_BYTES = 1_000_000


class Newsletter:
    """base_url is where Signal Room is: http://127.0.0.1:3003. Without a client, its first one."""

    def __init__(self, base_url, client=None, select_timeout=5.0, track_timeout=2.0):
        self._api = base_url + "/api/v1/promo"
        self._client = client
        self._select_timeout = select_timeout
        self._track_timeout = track_timeout

    def select(self):
        """A dict with offer_id, variation_id, text_content, cta_text and link; None: send without a promo."""

        def work():
            query = "" if self._client is None else "?client=" + urllib.parse.quote(self._client, safe="")
            status, answer = _call(self._api + "/select-random" + query, None, self._select_timeout)
            if status != 200:
                raise ValueError("the server answered %s" % status)
            return _read_promo(answer)

        return _within(self._select_timeout, "selecting a promo", None, work)

    def shown(self, promo, send_id, recipients):
        """Before sending. Calling it again for the same send counts nothing twice. False: it was not counted."""

        def work():
            body = {
                "offer_id": promo["offer_id"],
                "variation_id": promo["variation_id"],
                "newsletter_send_id": send_id,
                "recipients": recipients,
            }
            return _counted(_call(self._api + "/track-impression", body, self._track_timeout))

        return _within(self._track_timeout, "tracking an impression", False, work)


class Redirect:
    """Reports clicks behind the visitor's back: track_click returns at once."""

    def __init__(self, base_url, timeout=1.0, at_most=100):
        self._url = base_url + "/api/v1/promo/track-click"
        self._timeout = timeout
        # While more are under way, further ones are not reported: a server that hangs must not fill the memory.
        self._places = threading.BoundedSemaphore(at_most)

    def track_click(self, url, referrer=None, user_agent=None, ip_address=None):
        """The thread that reports it, for tests; None where there is nothing to report."""
        try:
            variation = promo_var_of(url)
            if variation is None or not self._places.acquire(blocking=False):
                return None
            body = {
                "variation_id": variation,
                "referrer": referrer,
                "user_agent": user_agent,
                "ip_address": ip_address,
            }
            return _start(self._send, body)
        except Exception as error:  # noqa: BLE001 - a redirect is never stopped by its count
            log.warning("tracking a click failed: %s", error)
            return None

    def _send(self, body):
        try:
            _counted(_call(self._url, body, self._timeout))
        except Exception as error:  # noqa: BLE001
            log.warning("tracking a click failed: %s", error)
        finally:
            self._places.release()


def promo_var_of(url):
    """None where the address has none, or what is no number of a text: there is nothing to count then."""
    values = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query).get("promo_var", [""])
    if re.fullmatch(r"[1-9][0-9]{0,9}", values[0]) is None or int(values[0]) > 2_147_483_647:
        return None
    return int(values[0])


def _call(url, body, timeout):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read(MOST_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(MOST_BYTES)


def _counted(answered):
    status, answer = answered
    # With 503 and recorded the database is away, and the event waits on the server's disk: it will be counted.
    if status == 204 or (status == 503 and json.loads(answer).get("recorded") is True):
        return True
    raise ValueError("the server answered %s" % status)


def _read_promo(answer):
    """What goes into a mail is what we know, or nothing."""
    promo = json.loads(answer)
    for name in ("offer_id", "variation_id"):
        if type(promo[name]) is not int:
            raise ValueError("the answer is not a promo")
    if not isinstance(promo["text_content"], str) or re.match(r"https?://", promo["link"]) is None:
        raise ValueError("the promo has no text or no link")
    cta = promo.get("cta_text")
    return {
        "offer_id": promo["offer_id"],
        "variation_id": promo["variation_id"],
        "text_content": promo["text_content"],
        "cta_text": cta if isinstance(cta, str) else None,
        "link": promo["link"],
    }


def _within(timeout, what, otherwise, work):
    """urllib's own limit is per read: a server that sends a byte now and then would be waited for without end."""
    done = []

    def run():
        try:
            done.append(work())
        except Exception as error:  # noqa: BLE001 - a send is never stopped by its count
            log.warning("%s failed: %s", what, error)
            done.append(otherwise)

    try:
        _start(run).join(timeout)
    except RuntimeError as error:
        log.warning("%s failed: %s", what, error)
        return otherwise
    if not done:
        log.warning("%s failed: the server took longer than %s s", what, timeout)
        return otherwise
    return done[0]


def _start(target, *arguments):
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread
