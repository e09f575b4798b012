"""What does this traceback, log or described symptom mean? `diagnose` answers from data/catalogue, or says it does not know.

In a notebook, `from helpers import doctor; doctor.watch()` puts a card below every uncaught exception's traceback.
"""

from helpers.doctor.card import text, watch
from helpers.doctor.catalogue import Case, load
from helpers.doctor.diagnosis import Candidate, Diagnosis, diagnose

__all__ = ["Candidate", "Case", "Diagnosis", "diagnose", "load", "text", "watch"]
