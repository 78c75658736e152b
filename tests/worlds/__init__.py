"""Simulated worlds: the real handler among senders, workers, a Mercado Pago and merchants that all misbehave.

One seed is one world, the same each time. `hub` keeps time and turns, `upstream` is Mercado Pago and the
network before it, `hosts` are the machines that the real code runs on, `story` is what happens outside,
`record` watches each write, `judge` knows what is right, and `mutants` are designs that it must not let pass.
"""
