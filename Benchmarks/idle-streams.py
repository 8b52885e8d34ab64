"""Resident memory of a server with 10,000 idle Watch streams: idle-streams.py PEERS_FOLDER SERVER PORT."""
import os
import subprocess
import sys
import time

CONNECTIONS, STREAMS = 100, 100


def resident(pid):
    """KiB of resident memory."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))


def main():
    peers, server, port = sys.argv[1:]
    path = f"/tmp/peers/gen/py:{peers}/python"
    process = subprocess.Popen(["taskset", "-c", "0", server, "--listen", f"127.0.0.1:{port}"])
    try:
        time.sleep(1)
        environment = dict(os.environ, PYTHONPATH=path)
        # Everything a first call sets up is there before the measurement.
        subprocess.run(
            [sys.executable, f"{peers}/python/check.py", f"127.0.0.1:{port}"],
            env=environment, check=True, stdout=subprocess.DEVNULL)
        time.sleep(1)
        idle = resident(process.pid)
        client = subprocess.Popen(
            ["taskset", "-c", "1", sys.executable, f"{peers}/python/hold.py",
             f"127.0.0.1:{port}", str(CONNECTIONS), str(STREAMS)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = client.stdout.readline()
        if not line.startswith("ready"):
            sys.exit("the streams were not opened")
        time.sleep(3)
        held = resident(process.pid)
        client.stdin.write("\n")
        client.stdin.flush()
        client.wait(60)
        count = CONNECTIONS * STREAMS
        print(f"{idle} KiB idle, {held} KiB with {count} idle streams: "
              f"{(held - idle) / count:.2f} KiB per stream")
    finally:
        process.terminate()


main()
