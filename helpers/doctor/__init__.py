"""What does this traceback, log or described symptom mean? `diagnose` answers from data/catalogue.

When nothing there explains it for certain, the answer is that the doctor does not know.

In a notebook, `from helpers import doctor; doctor.watch()` puts a card below every uncaught exception's traceback.
"""

from helpers.doctor.card import text, to_json, watch
from helpers.doctor.catalogue import Case, load
from helpers.doctor.diagnosis import Candidate, Diagnosis, diagnose
from helpers.doctor.pasted import source

__all__ = ["Candidate", "Case", "Diagnosis", "diagnose", "load", "source", "text", "to_json", "watch"]
