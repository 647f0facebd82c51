"""What a secret looks like, as data: each rule carries a sample and a near miss beside it. No literal keys: see shapes."""
