"""What a sweep decides by itself where nobody said what to search: models, recipe, and how the time is spent."""
