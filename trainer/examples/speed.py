"""Training steps of a checkpoint's model in PyTorch and here: the same weights, rows, losses and optimiser.

    cargo build --release -p tempest-trainer --example speed
    python trainer/examples/speed.py models/zoo/fsdd/model.safetensors --batch 64

needs torch. The model is written down once more from models/README.md, so the losses of the first batch, which are
printed side by side, also check that page. Rounds alternate between the two; the least time of a step counts.
"""
import argparse
import json
import math
import struct
import subprocess
import time

import numpy as np
import torch
import torch.nn.functional as F


def read(path):
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    about = json.loads(header.pop("__metadata__")["tempest"])
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = np.frombuffer(data[8 + size + start : 8 + size + end], dtype=np.float32)
        tensors[name] = torch.tensor(values.reshape(entry["shape"]))
    return about, tensors


def sinusoids(n, dim):
    p, c = np.arange(n)[:, None], np.arange(dim)[None, :]
    angle = p / 10_000 ** ((c - c % 2) / dim)
    return torch.tensor(np.where(c % 2 == 0, np.sin(angle), np.cos(angle)).astype(np.float32))


class Twin:
    def __init__(self, about, tensors, columns, dropout):
        self.config, self.contract, self.columns, self.p = about["config"], about["contract"], columns, dropout
        fixed = ("numeric.mean", "numeric.std")
        self.t = {k: v.clone().requires_grad_(k not in fixed) for k, v in tensors.items()}
        self.window_positions = sinusoids(about["contract"]["window"]["blocks"], self.config["dim"])
        self.block_positions = sinusoids(about["contract"]["view"]["row"], self.config["dim"])
        index = lambda name: torch.tensor(columns[name], dtype=torch.int64)
        self.numbers, self.categories = index("numbers"), index("categories")
        self.offsets, self.last = index("offsets"), index("cardinalities") - 1
        self.segments = torch.block_diag(*(torch.ones(c, 1) for c in columns["cardinalities"]))

    def linear(self, name, x):
        return F.linear(x, self.t[name + ".weight"], self.t[name + ".bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.t[name + ".weight"], self.t[name + ".bias"])

    def drop(self, x):
        return F.dropout(x, self.p) if self.p else x

    def attention(self, name, x, memory, mask):
        heads = self.config["heads"]
        split = lambda y: y.unflatten(-1, (heads, -1)).transpose(1, 2)
        q, k, v = (split(self.linear(f"{name}.{part}", y)) for part, y in [("query", x), ("key", memory), ("value", memory)])
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=self.p)
        return self.linear(name + ".out", mixed.transpose(1, 2).flatten(2))

    def feed_forward(self, name, x):
        return self.linear(name + ".down", F.gelu(self.linear(name + ".up", x)))

    def layer(self, name, x, mask):
        normed = self.norm(name + ".norm1", x)
        x = x + self.drop(self.attention(name + ".attn", normed, normed, mask))
        return x + self.drop(self.feed_forward(name + ".ff", self.norm(name + ".norm2", x)))

    def encode(self, rows):
        dim = self.config["dim"]
        if self.contract["view"]["kind"] == "bytes":
            patch = self.config.get("byte_patch", 1)
            places = F.pad(rows, (0, -rows.shape[1] % patch), value=256).unflatten(1, (-1, patch))
            real = (places != 256).any(2)
            mask = torch.where(real, 0.0, -1e4)[:, None, None, :]
            ids = (places + 257 * torch.arange(patch)).flatten(0, 1)
            x = F.embedding_bag(ids, self.t["embed.weight"], mode="sum").unflatten(0, real.shape)
            x = x + self.block_positions[: real.shape[1]]
            for i in range(self.config["block_layers"]):
                x = self.layer(f"encoder.layers.{i}", x, mask)
            x = (x * real[:, :, None]).transpose(1, 2)
            y = F.gelu(self.norm("mixer.norm", self.linear("mixer.mix", x).transpose(1, 2)))
            return self.linear("mixer.out", y.transpose(1, 2)).transpose(1, 2)
        z = self.z(rows)
        a = self.linear("numeric.project", torch.cat([z, z[:, : self.columns["squared"]] ** 2], 1))
        if len(self.categories):
            a = a + F.embedding_bag(self.ids(rows), self.t["category.table.weight"], mode="sum")
        y = self.norm("fields.norm", F.gelu(a))
        return self.linear("fields.out", self.drop(y)).unflatten(-1, (-1, dim))

    def z(self, rows):
        return (rows[:, self.numbers].float() - self.t["numeric.mean"]) / self.t["numeric.std"]

    def ids(self, rows):
        return torch.minimum(rows[:, self.categories], self.last).clamp(min=0) + self.offsets

    def classify(self, tokens, lengths):
        n, count, dim = tokens.shape
        x = torch.cat([self.t["classifier.cls"].expand(n, 1, dim), tokens + self.window_positions[:count]], 1)
        keys = torch.arange(count + 1)[None, :] <= lengths[:, None]
        mask = torch.where(keys, 0.0, -1e4)[:, None, None, :]
        x = self.drop(x)
        for i in range(self.config["clip_layers"]):
            x = self.layer(f"classifier.layers.{i}", x, mask)
        return self.linear("classifier.head", self.norm("classifier.norm", x[:, 0]))

    def recon(self, tokens, rows):
        if self.contract["view"]["kind"] == "bytes":
            x = self.t["decoder.queries"].expand(len(rows), -1, -1)
            memory = self.norm("decoder.memory_norm", tokens)
            x = x + self.attention("decoder.attn", self.norm("decoder.norm1", x), memory, None)
            x = x + self.feed_forward("decoder.ff", self.norm("decoder.norm2", x))
            return F.cross_entropy(self.linear("decoder.head", self.norm("decoder.norm", x)).flatten(0, 1), rows.flatten())
        hidden = F.gelu(self.linear("decoder.hidden", tokens.flatten(1)))
        loss = F.mse_loss(self.linear("decoder.numeric", hidden), self.z(rows)) * len(self.numbers)
        if len(self.categories):
            # All categories' softmaxes at once, as here; a call of cross_entropy for each is slower.
            logits = self.linear("decoder.category", hidden)
            shifted = logits - logits.amax(1, keepdim=True).detach()
            sums = (shifted.exp() @ self.segments + 1e-20).log().sum(1)
            loss = loss + (sums - shifted.gather(1, self.ids(rows)).sum(1)).mean()
        return loss / (len(self.numbers) + len(self.categories))

    def losses(self, rows, index, lengths, targets):
        tokens = self.encode(rows)
        padded = torch.cat([torch.zeros(1, *tokens.shape[1:]), tokens])[index].flatten(1, 2)
        logits = self.classify(padded, lengths)
        return F.cross_entropy(logits, targets), self.recon(tokens, rows)


def batch(size, width, window, classes):
    clips, lengths = [], []
    for clip in range(size):
        blocks = max(window - clip % 4, 1)
        block, column = np.arange(blocks)[:, None], np.arange(width)[None, :]
        clips.append((clip * 13 + block * 31 + column * 17 + block * column) % 61)
        lengths.append(blocks)
    index = np.zeros((size, max(lengths)), dtype=np.int64)
    starts = 1 + np.concatenate([[0], np.cumsum(lengths)[:-1]])
    for clip, (start, length) in enumerate(zip(starts, lengths)):
        index[clip, :length] = np.arange(start, start + length)
    rows = torch.tensor(np.concatenate(clips).astype(np.int64))
    return rows, torch.tensor(index), torch.tensor(lengths), torch.arange(size) % classes


def torch_steps(about, tensors, columns, data, steps):
    twin = Twin(about, tensors, columns, dropout=0.1)
    trained = [t for t in twin.t.values() if t.requires_grad]
    groups = [{"params": [t for t in trained if t.dim() > 1], "weight_decay": 0.05},
              {"params": [t for t in trained if t.dim() == 1], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-4, betas=(0.9, 0.98), fused=True)
    times = []
    for _ in range(steps):
        started = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        label, recon = twin.losses(*data)
        ((recon + 10 * label) / 11).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--ours", default="target/release/examples/speed")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    about, tensors = read(args.checkpoint)
    contract = about["contract"]
    data = batch(args.batch, contract["view"]["row"], contract["window"]["blocks"], len(contract["labels"]))
    ours, theirs = [], []
    for _ in range(args.rounds):
        out = subprocess.run([args.ours, args.checkpoint, str(args.batch), str(args.steps)], capture_output=True, check=True)
        report = json.loads(out.stdout)
        ours += report["ms"]
        theirs += torch_steps(about, tensors, report, data, args.steps)
    with torch.no_grad():
        label, recon = (float(x) for x in Twin(about, tensors, report, 0.0).losses(*data))
    print(f"losses of the first batch: ours {report['class_loss']:.6f} {report['recon_loss']:.6f}, PyTorch {label:.6f} {recon:.6f}")
    assert math.isclose(label, report["class_loss"], rel_tol=1e-4) and math.isclose(recon, report["recon_loss"], rel_tol=1e-4)
    print(f"a step of {args.batch} clips, {args.threads} threads: ours {min(ours):.1f} ms, PyTorch {torch.__version__} {min(theirs):.1f} ms, "
          f"speed {min(theirs) / min(ours):.2f}x of PyTorch's")


main()
