"""Scheduling problems, and when and for how much a schedule runs: written apart from ours and from the peers, to check both.

A machine runs one task at a time, in a given order. What comes along an edge from another machine takes latency + bytes /
bandwidth seconds, however much else is under way; within a machine nothing. A task starts when its machine is free and all its
inputs are there. A machine costs its price from the start of its first task to the end of its last.
"""
import dataclasses, json, random


@dataclasses.dataclass(eq=False)
class Problem:
    id: str
    tasks: list       # names
    work: list        # seconds on a machine of speed 1
    edges: list       # (from, to, bytes), by position
    machines: list    # names
    speed: list
    price: list       # dollars an hour
    latency: float
    bandwidth: float

    def write(self, path):
        """As the peers in C++ and ours read it: see problem.hpp."""
        with open(path, "w") as file:
            print(len(self.tasks), len(self.machines), len(self.edges), repr(self.latency), repr(self.bandwidth), file=file)
            for pair in zip(self.speed, self.price): print(*map(repr, pair), file=file)
            for work in self.work: print(repr(work), file=file)
            for u, v, size in self.edges: print(u, v, repr(size), file=file)

    def order(self, schedule):
        """All tasks, each after those it waits for and after those before it on its machine. ValueError if there is none."""
        waits, nexts = [0] * len(self.tasks), [[] for _ in self.tasks]
        for u, v in [(u, v) for u, v, _ in self.edges] + [pair for tasks in schedule for pair in zip(tasks, tasks[1:])]:
            nexts[u].append(v)
            waits[v] += 1
        order = [task for task, count in enumerate(waits) if not count]
        for task in order:
            for v in nexts[task]:
                waits[v] -= 1
                if not waits[v]: order.append(v)
        if len(order) < len(waits): raise ValueError(f"{self.id}: the order of a machine contradicts that of the tasks")
        return order

    def run(self, schedule):
        """Makespan and cost of a schedule, the tasks of each machine in order. ValueError if it cannot be run."""
        if sorted(task for tasks in schedule for task in tasks) != list(range(len(self.tasks))):
            raise ValueError(f"{self.id}: a task is missing or there twice")
        before = [[] for _ in self.tasks]
        for u, v, size in self.edges: before[v].append((u, self.latency + size / self.bandwidth))
        place = {task: machine for machine, tasks in enumerate(schedule) for task in tasks}
        start, end, free = {}, {}, [0.0] * len(schedule)
        for task in self.order(schedule):
            machine = place[task]
            start[task] = max([free[machine]] + [end[u] + (0.0 if place[u] == machine else c) for u, c in before[task]])
            free[machine] = end[task] = start[task] + self.work[task] / self.speed[machine]
        cost = sum(price / 3600 * (end[tasks[-1]] - start[tasks[0]]) for price, tasks in zip(self.price, schedule) if tasks)
        return max(end.values()), cost


def load(id, workflow, pool):
    """A workflow in WfFormat (schema 1.5) on a pool of machines."""
    with open(workflow) as file: body = json.load(file)["workflow"]
    with open(pool) as file: pool = json.load(file)
    tasks, files = body["specification"]["tasks"], body["specification"].get("files", [])
    place = {task["id"]: i for i, task in enumerate(tasks)}
    seconds = {task["id"]: max(0.0, float(task.get("runtimeInSeconds", 0))) for task in body["execution"]["tasks"]}
    size = {file["id"]: float(file["sizeInBytes"]) for file in files}
    reads = [set(task.get("inputFiles") or []) for task in tasks]
    writes = [set(task.get("outputFiles") or []) for task in tasks]
    pairs = {(i, place[child]) for i, task in enumerate(tasks) for child in task.get("children") or []}
    pairs |= {(place[parent], i) for i, task in enumerate(tasks) for parent in task.get("parents") or []}
    network, machines = pool["network"], pool["machines"]
    return Problem(
        id, list(place), [seconds.get(task, 0.0) for task in place],
        [(u, v, sum(size.get(file, 0.0) for file in writes[u] & reads[v])) for u, v in sorted(pairs)],
        [m["id"] for m in machines], [float(m["speed"]) for m in machines], [float(m["price_per_hour"]) for m in machines],
        float(network["latency_s"]), float(network["bandwidth_bytes_per_s"]))


def layered(count, machines, seed, width=None):
    """A random job in layers: up to three predecessors each in the layer before; half as much to send as to compute."""
    chance = random.Random(seed)
    width = width or max(2, round(count ** 0.5))
    work = [float(chance.randint(1, 100)) for _ in range(count)]
    edges = {}
    for task in range(width, count):
        first = task // width * width - width
        for _ in range(chance.randint(1, 3)): edges[chance.randrange(first, first + width), task] = chance.uniform(0, 50e6)
    speed = [round(0.5 * 8 ** chance.random(), 2) for _ in range(machines)]
    return Problem(
        f"layered {count} × {machines}", [f"t{i}" for i in range(count)], work,
        [(u, v, size) for (u, v), size in sorted(edges.items())], [f"m{i}" for i in range(machines)], speed,
        [round(0.05 * s ** 1.1, 4) for s in speed], 0.1, 1e6)


def read(path):
    """What Problem.write wrote; names are positions."""
    with open(path) as file:
        n, m, e, latency, bandwidth = file.readline().split()
        machines = [tuple(map(float, file.readline().split())) for _ in range(int(m))]
        work = [float(file.readline()) for _ in range(int(n))]
        edges = [file.readline().split() for _ in range(int(e))]
    return Problem(
        str(path), [str(i) for i in range(int(n))], work, [(int(u), int(v), float(size)) for u, v, size in edges],
        [str(i) for i in range(int(m))], [s for s, _ in machines], [p for _, p in machines], float(latency), float(bandwidth))
