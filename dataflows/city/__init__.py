"""The simulated city: raw rows of ten departments, planted stories and the ground truth."""

from dataflows.city.city import City
from dataflows.city.report import RawRow

__all__ = ["City", "RawRow"]
