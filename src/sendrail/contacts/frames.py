"""The frames of an account and its lists: what stands before and after their texts."""

from dataclasses import dataclass
from typing import Any, Final

from sendrail.domain.errors import InvalidInput
from sendrail.domain.frame import Frame, OwnFrame, frame_fault
from sendrail.domain.ids import AccountId
from sendrail.storage.interface import Tx

_DEFAULT: Final = Frame()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChange:
    """What is to be different in a frame; None stays as it is, and an empty text is no text.

    What is `inherited` is from then on what the account says, or the default.
    """

    prepend: str | None = None
    append: str | None = None
    inherited: frozenset[str] = frozenset()

    def over(self, before: OwnFrame) -> OwnFrame:
        """Return a frame with the change. Raises `InvalidInput` that names the text at fault."""
        for name, text in (("prepend_text", self.prepend), ("append_text", self.append)):
            if text is not None and (fault := frame_fault(text, name)) is not None:
                raise InvalidInput(fault.text, code=fault.code, param=name)
        after = before._replace(**dict.fromkeys(self.inherited))
        given = {"prepend": self.prepend, "append": self.append}
        return after._replace(**{name: text for name, text in given.items() if text is not None})


NO_CHANGE: Final = FrameChange()


def account_frame(tx: Tx, account_id: AccountId) -> Frame:
    """Return the frame of an account's texts."""
    return tx.accounts.own_frame(account_id).over(_DEFAULT)


def frame_values(before: OwnFrame, change: FrameChange) -> dict[str, Any]:
    """Return the columns of a list whose frame changes."""
    after = change.over(before)
    return {"prepend_text": after.prepend, "append_text": after.append}
