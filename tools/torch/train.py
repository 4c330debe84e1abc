"""Trains a network on one CUDA GPU with the steps of `udair train`, in PyTorch.

Batches come from `udair-train`'s example `stream` through pipes, one for each size of crop, so the data and
their degradations are those of the Rust trainer; so are losses, optimiser (Muon for the dense convolutions,
AdamW for the rest), codebook rules and weight average. Products are in bf16; a whole step is compiled and
captured as one CUDA graph, so the GPU never waits for Python.

    python train.py --init WEIGHTS --out DIR --seconds 500 --share 0.6 \
        --streams "stream configs/gpu.toml 14" "stream configs/gpu.toml 14 data.size=256 data.per_pattern=2"

The first stream runs for `share` of the seconds, then the second. `udair study anchors` gives the result its
identification.
"""
import argparse
import json
import math
import os
import queue
import subprocess
import threading
import time

import numpy as np
import torch
import torch.nn.functional as F

import udair
from safetensors import safe_open
from safetensors.torch import save_file

parser = argparse.ArgumentParser()
add = parser.add_argument
add("--init", required=True)
add("--out", required=True)
add("--seconds", type=float, default=500)
add("--streams", nargs="+", required=True)
add("--share", type=float, default=0.6)
add("--lr", type=float, default=1e-3)
add("--lr-end", type=float, default=1e-6)
add("--flat", type=float, default=0.3, help="share of the time before the rate falls")
add("--warmup", type=int, default=100)
add("--ema", type=float, default=0.999)
add("--commit", type=float, default=0.005)
add("--eager", action="store_true", help="do not compile")
add("--device", default="cuda")
add("--seed", type=int, default=1)
args = parser.parse_args()

device = torch.device(args.device)
cuda = device.type == "cuda"
torch.manual_seed(args.seed)
torch.backends.cudnn.benchmark = True
torch.set_float32_matmul_precision("high")
os.makedirs(args.out, exist_ok=True)
log = open(os.path.join(args.out, "train.log"), "a", buffering=1)


def say(*words):
    print(*words, flush=True)
    print(*words, file=log)


# --- the network, with a codebook that never waits for the GPU ------------------------------------------------

def quantise(book, z):
    """Nearest codes, found in f32; what was seen is kept for `follow` and `revive`."""
    n, d, h, w = z.shape
    rows = z.permute(0, 2, 3, 1).reshape(-1, d)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        seen = rows.float()
        nearest = (book.embed.pow(2).sum(0, keepdim=True) - 2 * seen @ book.embed).argmin(1)
        codes = book.embed.t()[nearest]
    book.rows, book.nearest = seen.detach(), nearest
    book.commitment = (rows.float() - codes).pow(2).mean()
    moved = rows + (codes.to(rows.dtype) - rows).detach()
    return moved.reshape(n, h, w, d).permute(0, 3, 1, 2), nearest.reshape(n, h, w)


udair.Codebook.forward = quantise


def follow(book):
    """Codes follow what they stood for (moving averages of counts and sums)."""
    one = torch.ones((), device=device)
    dimensions, codes = book.embed.shape
    counts = torch.zeros(codes, device=device).index_add_(0, book.nearest, one.expand(len(book.nearest)))
    sums = torch.zeros(codes, dimensions, device=device).index_add_(0, book.nearest, book.rows).t()
    book.cluster_size.mul_(.99).add_(counts, alpha=.01)
    book.embed_avg.mul_(.99).add_(sums, alpha=.01)
    total = book.cluster_size.sum()
    book.embed.copy_(book.embed_avg / ((book.cluster_size + 1e-5) / (total + codes * 1e-5) * total))


def revive(book, dead=0.08):
    mean = book.cluster_size.mean()
    gone = (book.cluster_size < dead * mean).nonzero().flatten()
    if len(gone):
        rows = book.rows[torch.randint(len(book.rows), (len(gone),), device=device)]
        book.embed[:, gone] = rows.t()
        book.cluster_size[gone] = mean * .1
        book.embed_avg[:, gone] = rows.t() * mean * .1
    return len(gone)


# --- losses ---------------------------------------------------------------------------------------------------

def contrast(d, scale, order, k, m):
    rows = F.normalize(F.adaptive_avg_pool2d(d, 16).float().flatten(1), dim=1) / math.sqrt(m)
    rows, others = rows[:k * m].view(k, -1), rows[:k * m][order].view(k, -1)
    logits = scale.exp().clamp(1, 100) * rows @ others.t()
    target = torch.arange(k, device=device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.t(), target)) / 2


def moments(conditions, k, m):
    parts = []
    for q in conditions:
        q = q[:k * m].float()
        parts += [q.mean((2, 3)), (q.var((2, 3), unbiased=False) + 1e-6).log()]
    f = torch.cat(parts, 1)
    f = F.normalize((f - f.mean(0)) / (f.std(0) + 1e-4), dim=1)
    s = 8 * f @ f.t()
    label = torch.arange(k, device=device).repeat_interleave(m)
    other = ~torch.eye(k * m, dtype=torch.bool, device=device)
    same = (label[:, None] == label[None]) & other
    off = torch.full_like(s, -1e9)
    everything, mine = torch.where(other, s, off), torch.where(same, s, off)
    hits = (label[everything.argmax(1)] == label).float().mean()
    return (torch.logsumexp(everything, 1) - torch.logsumexp(mine, 1)).mean(), hits


# --- optimiser: everything stays on the GPU, the rate is a tensor ----------------------------------------------

class Optimiser:
    def __init__(self, net):
        matrix = lambda p: p.ndim == 4 and p.shape[0] > 3 and p.shape[1] > 3
        self.all = list(net.parameters())
        self.rest = [p for p in self.all if not matrix(p)]
        self.groups = {}
        for p in self.all:
            if matrix(p):
                self.groups.setdefault((p.shape[0], p[0].numel()), []).append(p)
        self.momentum = {shape: torch.zeros(len(ps), *shape, device=device) for shape, ps in self.groups.items()}
        self.first = [torch.zeros_like(p) for p in self.rest]
        self.second = [torch.zeros_like(p) for p in self.rest]
        self.rate = torch.zeros((), device=device)
        self.t = torch.zeros((), device=device)

    @torch.no_grad()
    def step(self):
        grads = [p.grad for p in self.all]
        norm = torch.stack(torch._foreach_norm(grads)).norm()
        fine = torch.isfinite(norm)
        scale = torch.where(fine, (1 / norm).clamp(max=1.), torch.zeros_like(norm))
        for g in grads:
            g.nan_to_num_(0., 0., 0.)
        torch._foreach_mul_(grads, scale)
        rate = self.rate * fine
        self.t.add_(1)
        for (rows, columns), ps in self.groups.items():
            g = torch.stack([p.grad.reshape(rows, columns) for p in ps])
            m = self.momentum[rows, columns]
            m.mul_(.95).add_(g)
            x = g + .95 * m
            x = x / (x.flatten(1).norm(dim=1).view(-1, 1, 1) + 1e-7)
            if rows > columns:
                x = x.transpose(1, 2)
            for _ in range(5):
                gram = x @ x.transpose(1, 2)
                x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
            if rows > columns:
                x = x.transpose(1, 2)
            x = x * (.2 * math.sqrt(max(rows, columns))) * rate
            for p, step in zip(ps, x):
                p.mul_(1 - rate * 1e-3).sub_(step.reshape(p.shape))
        gs = [p.grad for p in self.rest]
        torch._foreach_lerp_(self.first, gs, .1)
        torch._foreach_mul_(self.second, .99)
        torch._foreach_addcmul_(self.second, gs, gs, .01)
        root = torch._foreach_sqrt(self.second)
        torch._foreach_div_(root, (1 - .99 ** self.t).sqrt())
        torch._foreach_add_(root, 1e-8)
        step = torch._foreach_div(self.first, root)
        torch._foreach_mul_(step, .5 * rate / (1 - .9 ** self.t))
        torch._foreach_mul_(self.rest, 1 - .5 * rate * 1e-3)
        torch._foreach_sub_(self.rest, step)
        return norm


# --- batches --------------------------------------------------------------------------------------------------

class Stream:
    """Reads batches of a pipe in a thread, on pinned memory."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, shell=True, stdout=subprocess.PIPE, bufsize=1 << 22)
        self.queue = queue.Queue(12)
        self.waited = 0.
        threading.Thread(target=self.run, daemon=True).start()

    def exactly(self, count):
        data = bytearray(count)
        view, got = memoryview(data), 0
        while got < count:
            read = self.process.stdout.readinto(view[got:])
            if not read:
                raise EOFError("a stream of batches ended")
            got += read
        return data

    def run(self):
        try:
            while True:
                n, side, k, m = np.frombuffer(self.exactly(16), np.uint32).tolist()
                referenced = torch.frombuffer(self.exactly(n), dtype=torch.uint8).float()
                x, y = (torch.frombuffer(self.exactly(n * 3 * side * side), dtype=torch.uint8).view(n, 3, side, side) for _ in range(2))
                if cuda:
                    x, y = x.pin_memory(), y.pin_memory()
                self.queue.put((x, y, referenced, derangements(k, m), k, m))
        except Exception as error:
            self.queue.put(error)

    def next(self):
        began = time.time()
        item = self.queue.get()
        self.waited += time.time() - began
        if isinstance(item, Exception):
            raise item
        return item


def derangements(k, m):
    orders = []
    for pattern in range(k):
        cycle = torch.randperm(m)
        order = torch.empty(m, dtype=torch.long)
        order[cycle] = cycle.roll(int(torch.randint(1, m, (1,)))) if m > 1 else cycle
        orders.append(order + pattern * m)
    return torch.cat(orders)


# --- weights files --------------------------------------------------------------------------------------------

def load(path):
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        return tensors, file.metadata()


tensors, metadata = load(args.init)
config = udair.Config(**json.loads(metadata["config"]))
own = {key: value.float() for key, value in tensors.items() if not key.startswith(("identify.", "anchors.", "distrib_adapt"))}


def build():
    net = udair.Udair(config)
    net.load_state_dict(own)
    return net.to(device).to(memory_format=torch.channels_last)


net, average = build().train(), build().eval()
books = [net.dam.codebook.quantize_t, net.dam.codebook.quantize_b]
run = net if args.eager else torch.compile(net, dynamic=False)
ours, theirs = dict(net.named_parameters()), dict(average.named_parameters())
pairs = [(theirs[key], ours[key]) for key in theirs] + [
    (a, b) for q, p in zip((average.dam.codebook.quantize_t, average.dam.codebook.quantize_b), books) for a, b in zip(q.buffers(), p.buffers())]
optimiser = Optimiser(net)
decay = torch.zeros((), device=device)
totals = torch.zeros(7 + 6, device=device)
blend = torch.ones((), device=device)  # the first row as it is, then a moving mean


def save(name):
    """The averaged weights (f16 but for counts and vectors, as they ship)."""
    state = average.state_dict()
    out = {key: state[key].detach().to("cpu", value.dtype).contiguous() if key in state else value for key, value in tensors.items()}
    path = os.path.join(args.out, name + ".safetensors")
    save_file(out, path + ".tmp", metadata)
    os.replace(path + ".tmp", path)


def save_exact(name):
    """The averaged weights in full precision, to go on from."""
    out = {key: value.detach().cpu().float().contiguous() for key, value in average.state_dict().items()}
    save_file(out, os.path.join(args.out, name + ".safetensors"), metadata)


# --- one step -------------------------------------------------------------------------------------------------

class Step:
    """A step for one shape of batch, captured once the first few have warmed everything up."""

    def __init__(self, stream):
        self.stream = stream
        x, y, referenced, order, self.k, self.m = stream.next()
        self.held = [x.to(device), y.to(device), referenced.to(device), order.to(device)]
        self.graph, self.done, self.ends = None, 0, []

    def compute(self):
        x8, y8, referenced, order = self.held
        x = (x8.float() / 255).contiguous(memory_format=torch.channels_last)
        y = (y8.float() / 255).contiguous(memory_format=torch.channels_last)
        for p in optimiser.all:
            p.grad = None
        with torch.autocast(device.type, torch.bfloat16):
            out, conditions = run(x)
        weight = referenced / referenced.sum()
        error = out.float() - y
        mse = error.pow(2).mean((1, 2, 3))
        spectrum = torch.fft.rfft2(error.contiguous(), norm="ortho")
        l1 = (error.abs().mean((1, 2, 3)) * weight).sum()
        log_mse = ((mse + 1e-5).log() * weight).sum()
        fft = ((spectrum.real.abs() + spectrum.imag.abs()).mean((1, 2, 3)) * weight).sum() / 2
        cscl = contrast(conditions.d3, net.logit_scale, order, self.k, self.m)
        same, hits = moments(conditions[:3], self.k, self.m)
        commitment = sum(book.commitment for book in books)
        loss = l1 + .02 * log_mse + .1 * fft + .1 * cscl + .05 * same + args.commit * commitment
        loss.backward()
        norm = optimiser.step()
        with torch.no_grad():
            for book in books:
                follow(book)
            moved = torch._foreach_sub([b.detach() for _, b in pairs], [a for a, _ in pairs])
            torch._foreach_mul_(moved, 1 - decay)
            torch._foreach_add_([a for a, _ in pairs], moved)
            km = self.k * self.m
            shown = (mse * referenced)[:km].view(self.k, -1).sum(1) / referenced[:km].view(self.k, -1).sum(1).clamp(min=1)
            psnr = -10 * torch.log10(shown + 1e-6)
            row = torch.cat([torch.stack([loss, l1, cscl, same, commitment, norm, hits]).float(), psnr[:6]]).detach()
            totals.lerp_(torch.where(torch.isfinite(row), row, totals), blend)

    def __call__(self, rate, average_decay):
        blend.fill_(1 if i == 0 else .02)
        optimiser.rate.fill_(rate)
        decay.fill_(average_decay)
        if self.graph is not None:
            self.graph.replay()
        elif cuda and self.done >= 4:
            self.capture()
        elif cuda:
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self.compute()
            torch.cuda.current_stream().wait_stream(side)
        else:
            self.compute()
        self.done += 1
        item = self.stream.next()
        for held, new in zip(self.held, item[:4]):
            held.copy_(new, non_blocking=True)
        if cuda:  # Python stays at most four steps ahead
            self.ends.append(torch.cuda.Event())
            self.ends[-1].record()
            if len(self.ends) > 4:
                self.ends.pop(0).synchronize()
        return len(item[2])

    def capture(self):
        torch.cuda.synchronize()
        began = time.time()
        for p in optimiser.all:
            p.grad = None
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.compute()
        self.graph = graph
        graph.replay()
        torch.cuda.synchronize()
        say(f"captured in {time.time() - began:.1f} s, {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")


def perplexity(book):
    p = book.cluster_size / book.cluster_size.sum()
    return float((-(p * (p + 1e-12).log()).sum()).exp())


began = time.time()
streams = [Stream(command) for command in args.streams]
steps = [None] * len(streams)
i, samples, stage, saved, last = 0, 0, 0, began, (began, 0)
while True:
    elapsed = time.time() - began
    part = elapsed / args.seconds
    if part >= 1:
        break
    now = 0 if part < args.share or len(streams) == 1 else 1
    if now != stage:
        torch.cuda.synchronize() if cuda else None
        save("stage-1")
        steps[0] = None
        stage = now
        say(f"second stage after {i} steps, {samples} samples, {elapsed:.0f} s")
    if steps[stage] is None:
        steps[stage] = Step(streams[stage])
    fall = max(0., (part - args.flat) / (1 - args.flat))
    rate = args.lr_end + (args.lr - args.lr_end) * (1 + math.cos(math.pi * fall)) / 2
    samples += steps[stage](rate * min(1, (i + 1) / args.warmup), min(args.ema, (1 + i) / (10 + i)))
    i += 1
    if i % 10 == 0 and i > 50:
        with torch.no_grad():
            [revive(book) for book in books]
    if i in (1, 2, 5, 20, 30, 40) or i % 200 == 0:
        torch.cuda.synchronize() if cuda else None
        t, s = last
        last = (time.time(), samples)
        names = "loss l1 cscl moments commit norm hits denoise dehaze derain lowlight underwater clean".split()
        values = " ".join(f"{name} {value:.3f}" for name, value in zip(names, totals.tolist()))
        say(f"step {i} {elapsed:.0f} s {(samples - s) / max(1e-9, last[0] - t):.1f}/s waited {streams[stage].waited:.1f} s rate {rate:.1e} {values} perplexity {perplexity(books[0]):.0f} {perplexity(books[1]):.0f}")
    if time.time() - saved > 60:
        saved = time.time()
        save("newest")
save("final")
save_exact("final-f32")
say(f"end: {i} steps, {samples} samples, {time.time() - began:.0f} s")
os._exit(0)
