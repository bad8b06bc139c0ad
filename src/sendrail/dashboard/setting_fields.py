"""The settings of a carrier as the fields of a form, made from what the carrier says of them.

A secret is never given back to a browser: on a connector that has one its field is empty, and left
so keeps it.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sendrail.connectors.settings import Setting, SettingForm
from sendrail.domain.errors import CarrierTrouble

# The fields of a form that are settings; what follows is the setting's name.
SET: Final = "set."
# A box that takes a secret away, which an empty field keeps.
UNSET: Final = "unset."

_BOOLEANS: Final = {"true": "Yes", "false": "No"}
# How names are written in words: what is not here is in small letters.
_CAPITALS: Final = {
    "api": "API", "ca": "CA", "http": "HTTP", "id": "ID", "npi": "NPI", "sid": "SID", "tls": "TLS",
    "tlvs": "TLVs", "ton": "TON", "url": "URL",
}  # fmt: skip

# How a fault begins that names its setting.
_ABOUT_ONE: Final = re.compile(r"^The setting \S+ of an? \S+ connector ")


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingField:
    """One field; `is_kept` says that the connector has the setting, a secret, already."""

    name: str
    label: str
    setting: Setting
    value: str = ""
    fault: str = ""
    is_kept: bool = False

    @property
    def options(self) -> Sequence[tuple[str, str]]:
        """What there is to choose from; empty where it is written."""
        if self.setting.form is SettingForm.YES_OR_NO:
            return list(_BOOLEANS.items())
        return [(each, each) for each in self.setting.choices]

    @property
    def default(self) -> str:
        """What holds without a value, in words; empty where nothing does."""
        default = self.setting.default
        if isinstance(default, bool):
            return _BOOLEANS[written(default)].lower()
        return written(default) if default or default == 0 else ""

    @property
    def is_first(self) -> bool:
        """Return whether it is asked for at once, and not among the further settings."""
        return self.setting.required or self.setting.shown_first


def fields_of(
    settings: Sequence[Setting],
    given: Mapping[str, str],
    kept: Mapping[str, Any],
    fault: CarrierTrouble | None,
) -> list[SettingField]:
    """Return the fields: `given` is a form that was sent, `kept` what the connector has."""
    return [
        SettingField(
            name=SET + each.name,
            label=label_of(each.name),
            setting=each,
            value=_value(each, given, kept),
            fault=_said(fault, each, given) if fault and fault.param == each.name else "",
            is_kept=each.secret and each.name in kept,
        )
        for each in settings
    ]


def words_of(form: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a form gives; an empty field is none."""
    return {
        name.removeprefix(SET): text.strip()
        for name, text in form.items()
        if name.startswith(SET) and text.strip()
    }


def changes_of(form: Mapping[str, str], kept: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that a form gives to a connector, without those that it has already."""
    return {
        name: text
        for name, text in words_of(form).items()
        if name not in kept or written(kept[name]) != text
    }


def unset_by(
    form: Mapping[str, str], settings: Sequence[Setting], kept: Mapping[str, Any]
) -> list[str]:
    """Return the settings of a connector that a form takes away."""
    words = words_of(form)
    gone = [each for each in settings if each.name in kept and each.name not in words]
    return [each.name for each in gone if not each.secret or form.get(UNSET + each.name) == "yes"]


def label_of(name: str) -> str:
    """Return a setting's name in words: `account_sid` is "Account SID"."""
    text = " ".join(_CAPITALS.get(word, word) for word in name.split("_"))
    return text[:1].upper() + text[1:]


def written(value: Any) -> str:
    """Return a setting as it is typed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _value(setting: Setting, given: Mapping[str, str], kept: Mapping[str, Any]) -> str:
    if setting.secret:
        return ""
    if given:
        return given.get(SET + setting.name, "")
    return written(kept[setting.name]) if setting.name in kept else ""


def _said(fault: CarrierTrouble, setting: Setting, given: Mapping[str, str]) -> str:
    """Return what is wrong as it stands beside the field, which it need not name."""
    if setting.required and not given.get(SET + setting.name, "").strip():
        return "This is needed."
    if setting.form is SettingForm.TEXT and "matching regex" in fault.message:
        return "This does not have the form that is described here."
    if setting.form in {SettingForm.WHOLE_NUMBER, SettingForm.NUMBER}:
        return f"This must be {setting.type}."
    return _ABOUT_ONE.sub("This ", fault.message)
