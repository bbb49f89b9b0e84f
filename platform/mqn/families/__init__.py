"""Networks that the platform can search: one package each, one contract for all (`mqn.families.contract`)."""

FAMILIES = {
    "mqn": "mqn.families.mqn.family:FAMILY",
    "expandnet": "mqn.families.expandnet.family:FAMILY",
    "lhdr": "mqn.families.lhdr.family:FAMILY",
    "hdrcnn": "mqn.families.hdrcnn.family:FAMILY",
    "twostage": "mqn.families.twostage.family:FAMILY",
    "deephdr": "mqn.families.deephdr.family:FAMILY",
    "hdrunet": "mqn.families.hdrunet.family:FAMILY",
    "fhdr": "mqn.families.fhdr.family:FAMILY",
    "singlehdr": "mqn.families.singlehdr.family:FAMILY",
    "irnet": "mqn.families.irnet.family:FAMILY",
    "lut3d": "mqn.families.lut3d.family:FAMILY",
}
"""Name of a family to the place of its record. A team's own needs no entry: its name is `package.module:NAME`."""

DEFAULT_FAMILY = "mqn"
"""The family of records that name none, as those from before there were others."""
