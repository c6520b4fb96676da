#!/usr/bin/env python3
"""saga_online.py PROBLEM LUCK: makespans of OnlineHEFT of SAGA (anrg-saga), one line of JSON a line of LUCK: see online_heft.cpp.

SAGA draws the true costs itself; here they are set. It takes seconds for a hundred tasks.
"""
import json, logging, math, sys

from saga import TaskGraph
from saga.schedulers.online import OnlineHEFTEnvironment
from saga.stochastic import StochasticNetwork, StochasticTaskGraph
from saga.utils.random_variable import RandomVariable

import model

logging.disable(logging.CRITICAL)


def exactly(value): return RandomVariable(samples=[value])


def makespan(problem, work):
    b, machines = problem.bandwidth, problem.machines
    links = [(x, y, exactly(b)) for i, x in enumerate(machines) for y in machines[i + 1:]] + [(x, x, exactly(1e18)) for x in machines]
    network = StochasticNetwork.create([(m, exactly(s)) for m, s in zip(machines, problem.speed)], links)
    edges = [(problem.tasks[u], problem.tasks[v], size + problem.latency * b) for u, v, size in problem.edges]
    graph = StochasticTaskGraph.create(
        [(t, exactly(w)) for t, w in zip(problem.tasks, problem.work)], [(u, v, exactly(size)) for u, v, size in edges])
    environment = OnlineHEFTEnvironment(network, graph)
    environment.reset()
    environment.actual_task_graph = TaskGraph.create(list(zip(problem.tasks, work)), edges)
    environment._update_task_state()
    while environment.step(): pass
    return environment.schedule.makespan


problem = model.read(sys.argv[1])
with open(sys.argv[2]) as file:
    for line in file:
        work = list(map(float, line.split()))[:len(problem.tasks)]
        print(json.dumps({"online": makespan(problem, work)}), flush=True)
