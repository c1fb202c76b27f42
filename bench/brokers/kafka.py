"""librdkafka's own broker on loopback, until standard input ends: prints its address in the first line."""
import json
import sys

from confluent_kafka import Producer

broker = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1})
found = next(iter(broker.list_topics(timeout=30).brokers.values()))
print(json.dumps({"address": f"{found.host}:{found.port}"}), flush=True)
for _ in sys.stdin:
    pass
