# A library that trains, through its C functions: prints one JSON object of what it did. Run beside libsmall.so.
import ctypes, json, sys

import numpy as np

size_t, pointer, floats = ctypes.c_size_t, ctypes.c_void_p, ctypes.POINTER(ctypes.c_float)
lib = ctypes.CDLL("./libsmall.so")
for name, result in {
    "parameter_name": ctypes.c_char_p, "segment_name": ctypes.c_char_p, "status_text": ctypes.c_char_p,
    "parameter_count": size_t, "parameter_elements": size_t, "parameter_place": size_t,
    "state_size": size_t, "workspace_size": size_t,
}.items():
    getattr(lib, "small_train_" + name).restype = result


def call(name, *given):
    return getattr(lib, "small_train_" + name)(*given)


def memory(size, fill=0xFF):
    """Bytes that begin at a multiple of 256."""
    raw = np.full(size + 256, fill, np.uint8)
    start = -raw.ctypes.data % 256
    return raw[start:start + size]


def at(array, offset=0):
    return pointer(array.ctypes.data + offset)


batch, classes = 4, 3
random = np.random.default_rng(1)
images = random.standard_normal((batch, 3, 16, 16), np.float32)
targets = np.eye(classes, dtype=np.float32)[random.integers(0, classes, batch)]
count = call("parameter_count")
elements = [call("parameter_elements", size_t(i)) for i in range(count)]
places = [call("parameter_place", size_t(i)) for i in range(count)]
values = np.fromfile("weights.bin", np.float32)
starts = np.cumsum([0, *elements])
treatments = np.tile(np.float32([1, 0]), (count, 1))
state = memory(call("state_size"))
workspace = memory(call("workspace_size", batch))
loss, norm, step = np.zeros(1, np.float32), np.zeros(2, np.float32), np.zeros(7, np.float32)
trainer = pointer()
PARAM, EXP_AVG, EMA, GRADIENT = 0, 1, 3, 4

problems = {
    "no state": call("create", ctypes.byref(trainer), None, at(treatments)),
    "state not aligned": call("create", ctypes.byref(trainer), at(state, 4), at(treatments)),
}
assert call("create", ctypes.byref(trainer), at(state), at(treatments)) == 0


def kept(kind, i):
    to = np.zeros(elements[i], np.float32)
    assert call("read", trainer, kind, size_t(i), at(to)) == 0
    return to


def backward(first, last, share, accumulate, size=None, into=None, given=images):
    x, t = np.ascontiguousarray(given[first:last]), np.ascontiguousarray(targets[first:last])
    status = call("backward", trainer, last - first, at(x), at(t), at(loss), ctypes.c_float(share), accumulate,
                  at(workspace if into is None else into), size_t(len(workspace) if size is None else size), None)
    return status, float(loss[0])


def gradients():
    return np.concatenate([kept(GRADIENT, i) for i in range(count)])


for i in range(count):
    assert call("write", trainer, PARAM, size_t(i), at(values, 4 * int(starts[i]))) == 0
assert call("pack", trainer, None) == 0

problems.update({
    "no batch": backward(0, 0, 1, 0)[0],
    "short workspace": backward(0, 4, 1, 0, size=len(workspace) - 1)[0],
    "workspace not aligned": backward(0, 4, 1, 0, into=workspace[4:])[0],
    "no such parameter": call("read", trainer, PARAM, size_t(count), at(loss)),
    "no average is kept": call("read", trainer, EMA, size_t(0), at(loss)),
    "no such kind": call("read", trainer, 5, size_t(0), at(loss)),
    "nothing to write": call("write", trainer, PARAM, size_t(0), None),
    "no step": call("update", trainer, None, ctypes.c_float(0), at(norm), None),
})

# A batch whole, in two unequal shares of what it is, and again after something else.
_, whole_loss = backward(0, 4, 1, 0)
whole = gradients()
_, first_loss = backward(0, 3, 0.75, 0)
_, second_loss = backward(3, 4, 0.25, 1)
halves = gradients()
backward(0, 4, 1, 0)
again = gradients()

# The hook: segments side by side, in order, all of them, and ready when it is called.
base, total = floats(), size_t()
assert call("gradients", trainer, ctypes.byref(base), ctypes.byref(total)) == 0
calls = []
shelf = np.ctypeslib.as_array(base, (total.value,))
Ready = ctypes.CFUNCTYPE(None, pointer, ctypes.c_int, floats, size_t, pointer)


@Ready
def ready(user, segment, start, size, stream):
    offset = (ctypes.addressof(start.contents) - ctypes.addressof(base.contents)) // 4
    calls.append([segment, offset, size, shelf[offset:offset + size].copy()])


assert call("on_ready", trainer, ready, None) == 0
backward(0, 4, 1, 0)
settled = all(np.array_equal(then, shelf[offset:offset + size]) for _, offset, size, then in calls)
assert call("on_ready", trainer, None, None) == 0
before = len(calls)
backward(0, 4, 1, 0)


class Adamw(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("lr", "beta1", "beta2", "eps", "ema")]


def update(n, clip=0.0):
    call("step_values", ctypes.byref(Adamw(1e-2, 0.9, 0.95, 1e-8, 0)), size_t(n), at(step))
    assert call("update", trainer, at(step), ctypes.c_float(clip), at(norm), None) == 0
    return [float(v) for v in norm]


clipped = update(1, 0.5)
kept_before = [kept(kind, i) for kind in (PARAM, EXP_AVG) for i in range(count)]
lost = images.copy()
lost[0, 0, 0, 0] = np.nan
backward(0, 4, 1, 0, given=lost)
skipped = update(2)
unchanged = all(np.array_equal(a, b) for a, b in zip(kept_before, [kept(kind, i) for kind in (PARAM, EXP_AVG) for i in range(count)]))
between = shelf.copy()
for place, size in zip(places, elements):
    between[place:place + size] = 0
call("destroy", trainer)

print(json.dumps({
    "problems": {what: lib.small_train_status_text(status).decode() for what, status in problems.items()},
    "accumulated": float(np.linalg.norm(halves - whole) / np.linalg.norm(whole)),
    "meanLoss": abs(0.75 * first_loss + 0.25 * second_loss - whole_loss),
    "again": bool(np.array_equal(whole, again)),
    "places": [[places[i], elements[i]] for i in range(count)],
    "shelf": total.value,
    "between": int(np.count_nonzero(between)),
    "segments": [[call("segment_name", s).decode(), offset, size] for s, offset, size, _ in calls],
    "settled": settled,
    "afterNull": len(calls) - before,
    "norm": float(np.linalg.norm(whole.astype(np.float64))),
    "clipped": clipped,
    "skipped": skipped[1],
    "unchanged": unchanged,
}))
