"""What an agent can do within a talk. A screen "presses" these codes for its agent (PlayDTMF).

They begin with *9, which no menu of ours uses, so that keys meant for the other side pass.
"""

from __future__ import annotations

CONSULT_ABORT = "*91"
CONSULT_COMPLETE = "*92"
CONSULT_CONFERENCE = "*93"
CONSULT_SWAP = "*94"
HOLD = "*95"
ATTENDED = "*90"
BLIND = "##"
# How long a colleague's telephone rings before the agent is back with the caller.
NO_ANSWER_S = 15

FEATURES = f"""[general]
featuredigittimeout=800
transferdigittimeout=3
atxfernoanswertimeout={NO_ANSWER_S}
atxferdropcall=no
atxferloopdelay=1
atxfercallbackretries=2
atxferabort={CONSULT_ABORT}
atxfercomplete={CONSULT_COMPLETE}
atxferthreeway={CONSULT_CONFERENCE}
atxferswap={CONSULT_SWAP}

[featuremap]
blindxfer={BLIND}
atxfer={ATTENDED}

[applicationmap]
sphold => {HOLD},peer,Gosub(sp-hold,s,1)
"""
