"""Templates: JSON values whose strings hold `{{ expression }}`, compiled once and filled many times."""
