#!/usr/bin/env python3
"""The network of ReinforcementLearning in torch, on the CPU, as fast as torch makes it.

  torch_policy.py FOLDER [THREADS]

Reads scene.json and policy.safetensors (policy-bench network scene FOLDER), says how far its log-probabilities are from
ours, and prints one line of JSON: the seconds of a decision, and environment steps with gradient a second. The
environment is a stub that costs nothing here: batches of graphs are put together once, outside the time measured. As
ours does, an iteration plays 16 environments for 200 steps, all 16 graphs in one pass, and learns from the 3,200 steps
in 3 epochs of 8 minibatches.
"""
import json, math, struct, sys, time
import torch
from torch.nn.functional import layer_norm, leaky_relu, linear

HOPS, WIDTH, LEVELS = 2, 16, 5


def read_weights(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = bytearray(file.read())
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        tensor = torch.frombuffer(data[start:end], dtype=torch.float32).reshape(entry["shape"]).clone()
        weights[name] = torch.nn.Parameter(tensor.t().contiguous() if name.endswith(".weight") else tensor)
    return weights


class Batch:
    """The scene, `count` times."""

    def __init__(self, scene, count):
        def repeat(key, width):
            return torch.tensor(scene[key]).reshape(-1, width).repeat(count, 1)

        def index(key, step):
            values = torch.tensor(scene[key], dtype=torch.int64)
            return (values + step * torch.arange(count)[:, None]).reshape(-1)

        nodes, groups = len(scene["groupOfNode"]), len(scene["groupFeatures"]) // 6
        self.count, self.nodes, self.groups = count, nodes * count, groups * count
        self.candidates_each = len(scene["candidates"])
        self.x, self.g, self.f = repeat("nodeFeatures", 12), repeat("groupFeatures", 6), repeat("globalFeatures", 4)
        self.group, self.parents, self.children = index("groupOfNode", groups), index("parents", nodes), index("children", nodes)
        self.graph = torch.arange(count).repeat_interleave(groups)
        self.candidates = index("candidates", nodes)
        self.graph_of_candidate = torch.arange(count).repeat_interleave(self.candidates_each)
        self.scores = torch.tensor(scene["candidateScores"]).repeat(count)
        self.level_scores = torch.tensor(scene["levelScores"]).reshape(-1, LEVELS).repeat(count, 1)
        self.child_factor = self.factors(self.parents)
        self.parent_factor = self.factors(self.children)

    def factors(self, receivers):
        counts = torch.zeros(self.nodes).index_add_(0, receivers, torch.ones(len(receivers)))
        return counts.clamp(min=1).rsqrt()[receivers, None]


def attend(values, segments, count, direction):
    scores = values @ direction / math.sqrt(WIDTH)
    largest = torch.full((count,), -math.inf).scatter_reduce(0, segments, scores.detach(), "amax")
    shares = torch.exp(scores - largest[segments])
    sums = torch.zeros(count).index_add(0, segments, shares)
    return torch.zeros(count, WIDTH).index_add(0, segments, values * (shares / sums[segments])[:, None])


def forward(w, b):
    """Logits of candidates and of none of them, and what the heads see."""
    def dense(name, x):
        return linear(x, w[name + ".weight"], w[name + ".bias"])

    def head(name, x):
        return dense(name + ".out", leaky_relu(dense(name + ".hidden", x), 0.2))

    def norm(hop, x):
        return layer_norm(x, (WIDTH,), w[f"norm{hop}"][0], w[f"norm{hop}"][1], 1e-5)

    h = leaky_relu(dense("input", b.x), 0.2)
    for hop in range(HOPS):
        u = norm(hop, h)
        below = torch.zeros_like(u).index_add(0, b.parents, u[b.children] * b.child_factor)
        above = torch.zeros_like(u).index_add(0, b.children, u[b.parents] * b.parent_factor)
        h = h + leaky_relu(dense(f"hop{hop}", torch.cat([u, below, above], 1)), 0.2)
    u = norm(HOPS, h)
    q = leaky_relu(dense("group", torch.cat([attend(u, b.group, b.groups, w["attention.nodes"]), b.g], 1)), 0.2)
    p = leaky_relu(dense("global", torch.cat([attend(q, b.graph, b.count, w["attention.groups"]), b.f], 1)), 0.2)
    seen = torch.cat([u[b.candidates], q[b.group[b.candidates]], p[b.graph_of_candidate]], 1)
    sharpness = torch.exp(w["sharpness"])
    logits = head("choice", seen)[:, 0] + sharpness[0] * b.scores
    logits = torch.cat([logits.reshape(b.count, -1), head("idle", p)], 1)  # the idle score of the scene is 0
    return torch.log_softmax(logits, 1), seen, sharpness, lambda x: head("level", x)


def levels(b, seen, sharpness, head, action):
    rows = torch.arange(b.count) * b.candidates_each + action.clamp(max=b.candidates_each - 1)
    return torch.log_softmax(head(seen[rows]) + sharpness[1] * b.level_scores[rows], 1)


def decide(w, b, sample):
    with torch.no_grad():
        log_p, *rest = forward(w, b)
        action = torch.multinomial(log_p.exp(), 1)[:, 0] if sample else log_p.argmax(1)
        log_l = levels(b, *rest, action)
        level = torch.multinomial(log_l.exp(), 1)[:, 0] if sample else log_l.argmax(1)
        taken = (action < b.candidates_each).float()
        found = log_p.gather(1, action[:, None])[:, 0] + taken * log_l.gather(1, level[:, None])[:, 0]
        return action, level, found


def learn(w, b, optimizer, action, level, before, advantage):
    log_p, *rest = forward(w, b)
    log_l = levels(b, *rest, action)
    taken = (action < b.candidates_each).float()
    now = log_p.gather(1, action[:, None])[:, 0] + taken * log_l.gather(1, level[:, None])[:, 0]
    entropy = -(log_p.exp() * log_p).sum(1) - taken * (log_l.exp() * log_l).sum(1)
    ratio = torch.exp(now - before)
    loss = -(torch.min(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage) + 0.01 * entropy).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(w.values(), 0.5)
    optimizer.step()


def main():
    folder, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    with open(folder + "/scene.json") as file:
        scene = json.load(file)
    w = read_weights(folder + "/policy.safetensors")
    one = Batch(scene, 1)
    with torch.no_grad():
        ours = torch.tensor(scene["logProbabilities"] + [scene["idle"]])
        difference = (forward(w, one)[0][0] - ours).abs().max().item()
    times = []
    for _ in range(500):
        begin = time.perf_counter()
        decide(w, one, False)
        times.append(time.perf_counter() - begin)
    act, study = Batch(scene, 16), Batch(scene, 400)
    optimizer = torch.optim.Adam(w.values(), lr=1e-4, eps=1e-5)
    acting, learning = math.inf, math.inf
    for _ in range(3):
        begin = time.perf_counter()
        played = [decide(w, act, True) for _ in range(200)]
        acting = min(acting, time.perf_counter() - begin)
        action, level, before = (torch.cat([step[k] for step in played]) for k in range(3))
        advantage = torch.randn(len(action))
        for _ in range(3):
            for rows in torch.randperm(len(action)).reshape(8, -1):
                learn(w, study, optimizer, action[rows], level[rows], before[rows], advantage[rows])
        learning = min(learning, time.perf_counter() - begin)
    print(json.dumps({
        "decisionSeconds": sorted(times)[len(times) // 2], "actingPerSecond": 3200 / acting,
        "stepsPerSecond": 3200 / learning, "threads": threads, "difference": difference, "torch": torch.__version__}))


main()
