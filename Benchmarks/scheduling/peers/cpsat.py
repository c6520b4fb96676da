#!/usr/bin/env python3
"""cpsat.py PROBLEM...: plans proved to be the fastest, by OR-tools' CP-SAT; one line of JSON a problem.

For small problems whose times are all whole seconds.
"""
import json, sys, time

from ortools.sat.python import cp_model

import model


def plan(problem):
    tasks, machines = range(len(problem.tasks)), range(len(problem.machines))
    whole = lambda seconds: round(seconds) if abs(seconds - round(seconds)) < 1e-9 else sys.exit("times are not whole seconds")
    takes = [[whole(work / speed) for speed in problem.speed] for work in problem.work]
    comes = [whole(problem.latency + size / problem.bandwidth) for _, _, size in problem.edges]
    horizon = sum(map(max, takes)) + sum(comes)
    m = cp_model.CpModel()
    start = [m.new_int_var(0, horizon, "") for _ in tasks]
    end = [m.new_int_var(0, horizon, "") for _ in tasks]
    on = [[m.new_bool_var("") for _ in machines] for _ in tasks]
    for t in tasks:
        m.add_exactly_one(on[t])
        m.add(end[t] == start[t] + sum(takes[t][k] * on[t][k] for k in machines))
    for k in machines:
        m.add_no_overlap([m.new_optional_interval_var(start[t], takes[t][k], end[t], on[t][k], "") for t in tasks])
    for (u, v, _), seconds in zip(problem.edges, comes):
        together = [m.new_bool_var("") for _ in machines]
        for k in machines:
            m.add_implication(together[k], on[u][k])
            m.add_implication(together[k], on[v][k])
        m.add(start[v] >= end[u] + seconds - seconds * sum(together))
    makespan = m.new_int_var(0, horizon, "")
    m.add_max_equality(makespan, end)
    m.minimize(makespan)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 2
    solver.parameters.max_time_in_seconds = 60
    begin = time.perf_counter()
    status = solver.solve(m)
    seconds = time.perf_counter() - begin
    rows = [sorted((t for t in tasks if solver.value(on[t][k])), key=lambda t: (solver.value(start[t]), solver.value(end[t])))
            for k in machines]
    return {"seconds": seconds, "machines": rows, "proved": status == cp_model.OPTIMAL}


for path in sys.argv[1:]:
    print(json.dumps(plan(model.read(path))), flush=True)
