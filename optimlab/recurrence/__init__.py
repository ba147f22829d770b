"""The one recurrence m ← m + k (x - m): its decay β in all the names that people give it."""
