#!/usr/bin/env python3
"""saga_peer.py NAME PROBLEM...: plans of a scheduler of SAGA (anrg-saga), one line of JSON a problem.

SAGA knows the speed of links but no latency: an edge is made latency · bandwidth bytes longer. Tasks and machines are sets
there, so ties depend on PYTHONHASHSEED. Seconds are those of the scheduler alone.
"""
import json, logging, math, sys, time

import saga.schedulers
from saga import Network, TaskGraph

import model

logging.disable(logging.CRITICAL)


def plan(scheduler, problem):
    b, machines = problem.bandwidth, problem.machines
    links = [(x, y, b) for i, x in enumerate(machines) for y in machines[i + 1:]] + [(x, x, math.inf) for x in machines]
    network = Network.create(list(zip(machines, problem.speed)), links)
    edges = [(problem.tasks[u], problem.tasks[v], size + problem.latency * b) for u, v, size in problem.edges]
    graph = TaskGraph.create(list(zip(problem.tasks, problem.work)), edges)
    start = time.perf_counter()
    schedule = scheduler.schedule(network, graph)
    seconds = time.perf_counter() - start
    # Where a job has several first or last tasks SAGA adds one of its own, which takes no time.
    order = {machine: [int(task.name) for task in sorted(tasks, key=lambda task: (task.start, task.end))
                       if not task.name.startswith("__super")] for machine, tasks in schedule.mapping.items()}
    return {"seconds": seconds, "machines": [order.get(machine, []) for machine in machines]}


for path in sys.argv[2:]:
    print(json.dumps(plan(getattr(saga.schedulers, sys.argv[1])(), model.read(path))), flush=True)
