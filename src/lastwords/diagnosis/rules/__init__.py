"""The rules, one module a subject. To add one: a function with `@rule` here, a case in tests/diagnosis/."""
