#!/usr/bin/env python3
"""Checks an export of Keyroll's audit with nothing but a public key.

Written from docs/audit.md alone and with Python's standard library alone, as a second opinion on `keyroll audit verify`.
Usage: verify_audit.py EXPORT PUBLIC_KEY_FILE [CHECKPOINT_FILE ...]; exit code 0 where all is right, 2 where it is not.
"""
import base64
import hashlib
import json
import re
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)


class Wrong(Exception):
    """What is wrong, and with which event."""


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        raise Wrong("a signature that is no point on the curve")
    return P - x if x % 2 != sign else x


def point(data):
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    return recover_x(y, number >> 255), y


def add(one, other):
    (a, b), (c, d) = one, other
    t = D * a * b * c * d % P
    return (a * d + b * c) * pow(1 + t, -1, P) % P, (b * d + a * c) * pow(1 - t, -1, P) % P


def times(number, base):
    total = (0, 1)
    while number:
        if number & 1:
            total = add(total, base)
        base = add(base, base)
        number >>= 1
    return total


BASE = (recover_x(4 * pow(5, -1, P) % P, 0), 4 * pow(5, -1, P) % P)


def signed(key, message, signature):
    """RFC 8032, section 5.1.7."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L
    try:
        return times(s, BASE) == add(point(r), times(h, point(key)))
    except Wrong:
        return False


def open_note(note, name, key):
    text, _, signatures = note.rpartition("\n\n")
    text += "\n"
    mark = hashlib.sha256(name.encode() + b"\n\x01" + key).digest()[:4]
    for line in signatures.splitlines():
        if line.startswith(f"— {name} "):
            data = base64.b64decode(line.split(" ")[2], validate=True)
            if data[:4] == mark:
                if not signed(key, text.encode(), data[4:]):
                    raise Wrong("a checkpoint whose signature is not right")
                _, size, root = text.splitlines()[:3]
                return int(size), base64.b64decode(root, validate=True)
    raise Wrong("a checkpoint by another key")


def push(tree, leaf):
    height = 0
    while tree and tree[-1][0] == height:
        leaf = hashlib.sha256(b"\x01" + tree.pop()[1] + leaf).digest()
        height += 1
    tree.append((height, leaf))


def root(tree):
    if not tree:
        return hashlib.sha256(b"").digest()
    hashes = [pair[1] for pair in reversed(tree)]
    total = hashes[0]
    for left in hashes[1:]:
        total = hashlib.sha256(b"\x01" + left + total).digest()
    return total


def verify(export, vkey, checkpoints):
    name, _, key = vkey.strip().split("+", 2)
    key = base64.b64decode(key)[1:]
    earlier = [open_note(note, name, key) for note in checkpoints]
    tree, count, ended = [], 0, False
    lines = export.split(b"\n")
    if lines.pop():
        raise Wrong(f"event {count + 1}: the last line is cut off")
    for line in lines:
        if ended:
            raise Wrong(f"event {count + 1}: stands behind the checkpoint")
        if line.startswith(b'{"checkpoint":'):
            size, expected = open_note(json.loads(line)["checkpoint"], name, key)
            if (size, expected) != (count, root(tree)):
                raise Wrong(f"event {count + 1}: the checkpoint is of other events")
            ended = True
            continue
        parts = re.fullmatch(rb'\{"leaf_hash":"([0-9a-f]{64})","record":(.*)\}', line)
        if not parts or json.loads(parts[2]).get("sequence") != count + 1:
            raise Wrong(f"event {count + 1}: missing, out of order, or not an event")
        leaf = hashlib.sha256(b"\x00" + parts[2]).digest()
        if leaf.hex().encode() != parts[1]:
            raise Wrong(f"event {count + 1}: does not match its hash")
        push(tree, leaf)
        count += 1
        if any(size == count and expected != root(tree) for size, expected in earlier):
            raise Wrong(f"event {count}: it or one before is not what an earlier checkpoint was made of")
    if not ended or any(size > count for size, _ in earlier):
        raise Wrong(f"event {count + 1}: missing, or the checkpoint is")
    return count


if __name__ == "__main__":
    try:
        export, vkey = open(sys.argv[1], "rb").read(), open(sys.argv[2], encoding="utf-8").read()
        notes = [open(path, encoding="utf-8").read() for path in sys.argv[3:]]
        print(f"{verify(export, vkey, notes)} events, none missing; every hash is right, and the checkpoint fits")
    except (Wrong, ValueError, KeyError, IndexError) as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)
