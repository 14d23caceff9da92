"""What tests ask of the server: a world, counts, and what is to go wrong.

Each is a POST below /landfall/ with a JSON object that names the account, and answers JSON:

    world                                       makes an account; answers its identifiers
    counts                                      how often each action was called
    parts                                       what load balancers consist of, with tags
    remove                                      all load balancers go, as if somebody had removed them
    fault  action? status code message times?   calls are refused, and not carried out
           fewest?                              only where there are at least so many load balancers
    lose   action times?                        calls are carried out, and not answered
    mend                                        ends faults
    stop-at call when                           the world stops "before" or "after" the n-th call from now
    stopped                                     whether it has
    go-on                                       it goes on; who was held is cut off
"""

import threading
from dataclasses import dataclass, field
from typing import Any

import worlds
from calls import Call

# The call is not carried out, and its connection breaks.
CUT = "cut"
# It is carried out, and then its connection breaks.
LOSE = "lose"
# It is carried out, and then held.
HOLD = "hold"


@dataclass
class Refuse:
    """The call is refused, and not carried out."""

    code: str
    message: str
    status: int


@dataclass
class Fault:
    """What goes wrong, for which calls, and how often."""

    action: str | None
    effect: Refuse | str
    times: int | None
    fewest: int


@dataclass
class Account:
    """What is told of one account's calls."""

    number: str
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    # Calls that still pass, and whether the last of them is carried out.
    left: int | None = None
    when: str = "before"
    stopped: bool = False
    change: threading.Condition = field(default_factory=threading.Condition)

    def before(self, call: Call) -> Refuse | str | None:
        """Counts a call, and tells what becomes of it. Who arrives when the world stands is held."""
        with self.change:
            self.counts[call.action] = self.counts.get(call.action, 0) + 1
            is_last = False
            if self.left is not None and not self.stopped:
                self.left -= 1
                is_last = self.left == 0
                self.stopped = is_last
            if self.stopped and not (is_last and self.when == "after"):
                self.hold()
                return CUT
            return HOLD if is_last else self.fault(call.action)

    def after(self, fate: Refuse | str | None) -> bool:
        """Whether the answer of a call that was carried out is withheld."""
        if fate == HOLD:
            with self.change:
                self.hold()
        return fate in (HOLD, LOSE)

    def hold(self) -> None:
        self.change.wait_for(lambda: not self.stopped)

    def fault(self, action: str) -> Refuse | str | None:
        for it in self.faults:
            is_meant = it.action in (None, action) and it.times != 0
            if is_meant and (it.fewest == 0 or worlds.balancers(self.number) >= it.fewest):
                it.times = None if it.times is None else it.times - 1
                return it.effect
        return None


class Accounts:
    """All accounts, by number."""

    def __init__(self) -> None:
        self.url = ""
        self.known: dict[str, Account] = {}
        self.lock = threading.Lock()

    def of(self, number: str) -> Account:
        with self.lock:
            return self.known.setdefault(number, Account(number))

    def control(self, what: str, asked: dict[str, Any]) -> Any:
        """Does what a test asks; an unknown thing is an error."""
        if what == "world":
            with self.lock:
                number = str(100_000_000_001 + len(self.known))
                self.known[number] = Account(number)
            return worlds.make(number)
        account = self.known[asked["account"]]
        with account.change:
            match what:
                case "counts":
                    return account.counts
                case "parts":
                    return worlds.parts(account.number)
                case "remove":
                    worlds.remove(account.number)
                case "fault":
                    effect = Refuse(asked["code"], asked["message"], asked["status"])
                    account.faults.append(
                        Fault(asked.get("action"), effect, asked.get("times"), asked.get("fewest", 0))
                    )
                case "lose":
                    account.faults.append(Fault(asked["action"], LOSE, asked.get("times"), 0))
                case "mend":
                    account.faults.clear()
                case "stop-at":
                    account.left, account.when = asked["call"], asked["when"]
                case "stopped":
                    return account.stopped
                case "go-on":
                    account.left, account.stopped = None, False
                    account.change.notify_all()
                case _:
                    raise ValueError(f"nobody knows what {what} is")
        return None
