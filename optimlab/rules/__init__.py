"""Update rules: formulas on one number, composed by algebra."""
