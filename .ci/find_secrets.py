"""Looks for secrets in every file that git tracks; prints where, never what.

Tests, benches and the sandbox are full of made-up passwords: there, only what has the exact form of a key of some
service counts. Everywhere else a value beside a word like "password" counts too.
"""

import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

from detect_secrets import SecretsCollection
from detect_secrets.settings import transient_settings

PLUGINS = [
    "ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "IbmCloudIamDetector",
    "IbmCosHmacDetector", "JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector",
    "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector",
    "SoftlayerDetector", "SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
]
BY_WORD = {"Secret Keyword", "Basic Auth Credentials"}
MADE_UP = re.compile(r"(\.test\.ts$|^(bench|sandbox|test)/)")
# Hashes and generated shapes: no person writes a secret there.
SKIPPED = re.compile(r"(^package-lock\.json$|^schema/migrations/meta/|\.(png|jpg|ico|gz|woff2?)$)")
# The example in the documents, postgres://signal_room:password@localhost, and what a type is compared with.
EXAMPLES = {"password", "string"}


def scan(name: str) -> list[tuple[str, int, str]]:
    with transient_settings({"plugins_used": [{"name": plugin} for plugin in PLUGINS]}):
        found = SecretsCollection()
        found.scan_file(name)
        return [
            (name, secret.line_number, secret.type)
            for _, secret in found
            if not (secret.type in BY_WORD and (MADE_UP.search(name) or secret.secret_value in EXAMPLES))
        ]


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout
    names = [name for name in listed.split("\0") if name and not SKIPPED.search(name)]
    with ProcessPoolExecutor(2) as pool:
        found = [secret for secrets in pool.map(scan, names, chunksize=16) for secret in secrets]
    for name, line, kind in found:
        print(f"{name}:{line}: {kind}")
    print(f"{len(names)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
