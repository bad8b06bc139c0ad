"""The engine of journeys: it takes contacts from one rest to the next."""
