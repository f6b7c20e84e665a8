"""A test network of four Injective validators on loopback, and the hooks that examples/candidates/injective.toml names.

    python injective_network.py up DIRECTORY        make keys and a genesis, start four nodes, write ports.json
    python injective_network.py down DIRECTORY      stop the nodes that this directory started
    … stop|start|pause|resume DIRECTORY NODE        one node (signals to its own process only)
    … account DIRECTORY                             lease a funded account: {"account": …, "nonce": 0}
    … transaction DIRECTORY FROM TO AMOUNT NONCE [CHAIN]     a signed transfer: {"transaction": base64}

The environment variable INJECTIVED names the binary (from ``pip install injective-core``, BUSL-1.1). Every port listens
on 127.0.0.1; gRPC, REST, JSON-RPC and profiling are off. Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHAIN = "injective-4711"
NODES = ("node1", "node2", "node3", "node4")
PAYERS = 32
COINS = "1000000000000000000000000inj"
STAKE = "1000000000000000000000inj"
GAS = 200_000
FEE = GAS * 160_000_000
START_S = 120
#: How long a node that was started again is waited for until it has made a block, in seconds.
NEXT_BLOCK_S = 6


def injectived(*arguments: str) -> str:
    """Run the binary to its end and return what it printed; raises RuntimeError with its last words."""
    done = subprocess.run([_binary(), *arguments], capture_output=True, text=True, timeout=120, env=_environment())
    if done.returncode:
        raise RuntimeError(f"injectived {' '.join(arguments[:3])}: {done.stderr[-600:]}")
    return done.stdout or done.stderr


def _binary() -> str:
    return os.environ.get("INJECTIVED", "injectived")


def _environment() -> dict[str, str]:
    return {**os.environ, "LD_LIBRARY_PATH": str(Path(_binary()).resolve().parent)}


# -- making a network -------------------------------------------------------------------------------------------------


def up(directory: Path) -> dict[str, Any]:
    """Make and start a network; returns the RPC URL of each node."""
    directory.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(NODES, _free_ports(), strict=True))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: injectived(*_init(directory, name)), NODES))
        made = list(pool.map(lambda name: _key(directory, name), [*NODES, *_payers()]))
    keys = dict(zip([*NODES, *_payers()], made, strict=True))
    _genesis(directory, keys, ports)
    for name in NODES:
        _configure(directory / name, name, ports, _node_ids(directory))
    # Hooks run with an environment of their own, so the binary's place is kept here.
    state = {
        "binary": str(Path(_binary()).resolve()),
        "chain": CHAIN,
        "ports": ports,
        "keys": keys,
        "leased": 0,
        "pids": {},
    }
    _save(directory, state)
    for name in NODES:
        start(directory, name)
    _await_height(ports["node1"][0], 2)
    _number_accounts(directory)
    return {name: f"http://127.0.0.1:{rpc}" for name, (rpc, _) in ports.items()}


def _payers() -> list[str]:
    return [f"payer{number}" for number in range(PAYERS)]


def _init(directory: Path, name: str) -> list[str]:
    home = str(directory / name)
    return ["init", name, "--chain-id", CHAIN, "--home", home, "--default-denom", "inj"]


def _key(directory: Path, name: str) -> str:
    home = directory / (name if name in NODES else NODES[0])
    # One keyring directory per name while keys are made side by side.
    ring = directory / "keys" / name
    words = ["keys", "add", name, "--keyring-backend", "test", "--keyring-dir", str(ring), "--output", "json"]
    answer = injectived(*words, "--home", str(home))
    return str(json.loads(answer[answer.index("{") :])["address"])


def _genesis(directory: Path, keys: dict[str, str], ports: dict[str, list[int]]) -> None:
    first = directory / NODES[0]
    for address in keys.values():
        injectived("genesis", "add-genesis-account", address, COINS, "--home", str(first), "--chain-id", CHAIN)
    genesis = first / "config" / "genesis.json"
    for name in NODES[1:]:
        shutil.copy(genesis, directory / name / "config" / "genesis.json")
    for name in NODES:
        ring = str(directory / "keys" / name)
        words = ["genesis", "gentx", name, STAKE, "--chain-id", CHAIN, "--keyring-backend", "test"]
        words += ["--keyring-dir", ring, "--home", str(directory / name), "--ip", "127.0.0.1", "--moniker", name]
        injectived(*words, "--p2p-port", str(ports[name][1]))
    (first / "config" / "gentx").mkdir(exist_ok=True)
    for name in NODES[1:]:
        for file in (directory / name / "config" / "gentx").glob("*.json"):
            shutil.copy(file, first / "config" / "gentx" / file.name)
    injectived("genesis", "collect-gentxs", "--home", str(first))
    for name in NODES[1:]:
        shutil.copy(genesis, directory / name / "config" / "genesis.json")


def _node_ids(directory: Path) -> dict[str, str]:
    found = {}
    for file in (directory / NODES[0] / "config" / "gentx").glob("*.json"):
        memo = json.loads(file.read_text())["body"]["memo"]
        identity, _, address = memo.partition("@")
        found[address.rpartition(":")[2]] = identity
    return found


def _configure(home: Path, name: str, ports: dict[str, list[int]], identities: dict[str, str]) -> None:
    rpc, p2p = ports[name]
    peers = ",".join(
        f"{identities[str(other)]}@127.0.0.1:{other}" for node, (_, other) in ports.items() if node != name
    )
    _replace(
        home / "config" / "config.toml",
        {
            'laddr = "tcp://127.0.0.1:26657"': f'laddr = "tcp://127.0.0.1:{rpc}"',
            'laddr = "tcp://0.0.0.0:26656"': f'laddr = "tcp://127.0.0.1:{p2p}"',
            'pprof_laddr = "localhost:6060"': 'pprof_laddr = ""',
            "allow_duplicate_ip = false": "allow_duplicate_ip = true",
            "addr_book_strict = true": "addr_book_strict = false",
        },
    )
    file = home / "config" / "config.toml"
    file.write_text(re.sub(r'(?m)^persistent_peers = ".*"', f'persistent_peers = "{peers}"', file.read_text()))
    app = home / "config" / "app.toml"
    text = app.read_text()
    for section in ("api", "grpc", "grpc-web", "json-rpc"):
        text = re.sub(rf"(?ms)(^\[{section}\].*?^enable = )true", r"\1false", text, count=1)
    app.write_text(text.replace("0.0.0.0", "127.0.0.1"))


def _replace(file: Path, changes: dict[str, str]) -> None:
    text = file.read_text()
    for old, new in changes.items():
        if old not in text:
            raise RuntimeError(f"{file}: {old} is not there; this release is configured in another way")
        text = text.replace(old, new)
    file.write_text(text)


def _free_ports() -> list[list[int]]:
    held = [socket.socket() for _ in range(2 * len(NODES))]
    for one in held:
        one.bind(("127.0.0.1", 0))
    numbers = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return [numbers[at : at + 2] for at in range(0, len(numbers), 2)]


def _number_accounts(directory: Path) -> None:
    state = _load(directory)
    node = f"tcp://127.0.0.1:{state['ports']['node1'][0]}"

    def number(name: str) -> int:
        words = ["q", "auth", "account", state["keys"][name], "--node", node, "--output", "json"]
        answer = injectived(*words, "--home", str(directory / NODES[0]))
        return int((re.search(r'"account_number":\s*"?(\d+)', answer) or re.search(r"()$", "0"))[1] or 0)  # type: ignore[index]

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(number, _payers()))
    state["numbers"] = dict(zip(_payers(), numbers, strict=True))
    _save(directory, state)


# -- nodes ------------------------------------------------------------------------------------------------------------


def start(directory: Path, name: str) -> dict[str, Any]:
    """Start one node and wait until its RPC answers and, where the chain goes on, until it has made a block of its own.

    Before its first block a node checks signatures as if at height 0, where accounts have no numbers: it refuses what
    is valid.
    """
    state = _load(directory)
    with (directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [_binary(), "start", "--home", str(directory / name), "--log-level", "error"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=_environment(), start_new_session=True,
        )  # fmt: skip
    state["pids"][name] = process.pid
    _save(directory, state)
    if len(state["pids"]) == len(NODES):
        _await_height(state["ports"][name][0], 0)
        _await_next_block(state["ports"][name][0])
    return {"node": name, "running": True}


def send(directory: Path, name: str, number: signal.Signals) -> dict[str, Any]:
    """Send a signal to the process that this directory started for a node; SIGTERM waits for its end."""
    pid = _load(directory)["pids"].get(name)
    if pid:
        _signal(pid, number)
    return {"node": name, "signal": number.name}


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
        limit = time.monotonic() + 20
        while number is signal.SIGTERM and _alive(pid) and time.monotonic() < limit:
            time.sleep(0.05)
        if number is signal.SIGTERM and _alive(pid):
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _alive(pid: int) -> bool:
    """Tell whether a process still runs: one that ended but was not waited for does not."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def down(directory: Path) -> dict[str, Any]:
    """Stop every node that this directory started."""
    for pid in _load(directory)["pids"].values():
        _signal(pid, signal.SIGCONT)
        _signal(pid, signal.SIGTERM)
    return {"down": True}


def _height(port: int) -> int:
    """Return the height of a node; raises OSError while its RPC does not answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=2) as answer:
        return int(json.load(answer)["result"]["sync_info"]["latest_block_height"])


def _await_next_block(port: int) -> None:
    """Wait for one block more, shortly: a chain whose other nodes are stopped makes none."""
    limit = time.monotonic() + NEXT_BLOCK_S
    first: int | None = None
    while time.monotonic() < limit:
        with contextlib.suppress(OSError, ValueError, KeyError):
            height = _height(port)
            first = height if first is None else first
            if height > first:
                return
        time.sleep(0.1)


def _await_height(port: int, height: int) -> None:
    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        with contextlib.suppress(OSError):
            if _height(port) >= height:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the node on port {port} did not reach height {height} within {START_S} s")


# -- accounts ---------------------------------------------------------------------------------------------------------


def account(directory: Path) -> dict[str, Any]:
    """Lease the next funded account."""
    state = _load(directory)
    name = f"payer{state['leased'] % PAYERS}"
    if state["leased"] >= PAYERS:
        raise RuntimeError(f"all {PAYERS} funded accounts are leased")
    state["leased"] += 1
    _save(directory, state)
    return {"account": state["keys"][name], "nonce": 0}


def transaction(directory: Path, sender: str, to: str, amount: str, nonce: str, chain: str) -> dict[str, Any]:
    """Return a transfer of ``amount`` inj signed offline with a sequence number of the caller's choice."""
    state = _load(directory)
    name = next(key for key, address in state["keys"].items() if address == sender)
    unsigned, signed = directory / f"{name}-{nonce}.json", directory / f"{name}-{nonce}-signed.json"
    unsigned.write_text(json.dumps(_unsigned(sender, to, amount)))
    words = ["tx", "sign", str(unsigned), "--from", name, "--offline", "--keyring-backend", "test"]
    words += ["--keyring-dir", str(directory / "keys" / name), "--home", str(directory / NODES[0])]
    words += ["--account-number", str(state["numbers"][name]), "--sequence", nonce, "--chain-id", chain]
    injectived(*words, "--output-document", str(signed))
    return {"transaction": injectived("tx", "encode", str(signed), "--home", str(directory / NODES[0])).strip()}


def _unsigned(sender: str, to: str, amount: str) -> dict[str, Any]:
    coins = [{"denom": "inj", "amount": amount}]
    message = {"@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": sender, "to_address": to, "amount": coins}
    fee = {"amount": [{"denom": "inj", "amount": str(FEE)}], "gas_limit": str(GAS), "payer": "", "granter": ""}
    body = {"messages": [message], "memo": "", "timeout_height": "0"}
    body |= {"extension_options": [], "non_critical_extension_options": []}
    return {"body": body, "auth_info": {"signer_infos": [], "fee": fee, "tip": None}, "signatures": []}


def _load(directory: Path) -> dict[str, Any]:
    return dict(json.loads((directory / "network.json").read_text()))


def _save(directory: Path, state: dict[str, Any]) -> None:
    (directory / "network.json").write_text(json.dumps(state))


def main(words: list[str]) -> dict[str, Any]:
    """Carry out one command line."""
    verb, directory, rest = words[0], Path(words[1]).resolve(), words[2:]
    if verb != "up":
        os.environ["INJECTIVED"] = _load(directory)["binary"]
    signals = {"stop": signal.SIGTERM, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
    if verb in signals:
        return send(directory, rest[0], signals[verb])
    if verb == "transaction":
        given = [word for word in rest if not word.startswith("{")]
        return transaction(directory, *given[:4], given[4] if len(given) > 4 else CHAIN)
    if verb == "start":
        return start(directory, rest[0])
    return {"up": up, "down": down, "account": account}[verb](directory)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:])))
