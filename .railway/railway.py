"""The service on Railway, as its CLI applies it: `pip install railway-sdk`, then `railway config plan`, `… apply`.

What a key is called is the SDK's: `service` drops a key that it does not know without a word, which is why
tests/unit/test_railway.py tries every one. How to deploy: docs/railway.md.
"""

from collections.abc import Mapping

from railway_sdk import Project, define_railway, github, postgres, preserve, project, service, volume

# This file owns what it declares, and leaves the rest of the environment alone. Without the name, an apply would delete
# every service that is not declared here.
PARTIAL = "vectorspace"

# "owner/name" of the repository that is built on every push; None: what `railway up` sends is built, or the repository
# that the dashboard connects.
REPOSITORY: str | None = None
BRANCH = "main"

# Where volume and service are, e.g. "europe-west4-drams3a"; None: where Railway puts them. After the first apply name
# that place here: a volume cannot be moved without downtime, and an apply plans away what a file does not say.
REGION: str | None = None

# A PostgreSQL beside this service, for your application or for both: with DATABASE_URL set to it, replicas keep
# everything there and need no volume (docs/postgres.md). For that it must have pgvector: look whether it does.
# True creates it; to say False again is to delete it, data included, so that this is no variable of a terminal.
POSTGRES = False

# The image's data directory. Railway mounts it as root: RAILWAY_RUN_UID.
DATA_DIRECTORY = "/data"
DOCKERFILE = "Dockerfile.alpine"
# Given, not found, so that other services can write http://vectorspace.railway.internal:8000.
PORT = 8000
HEALTHCHECK_TIMEOUT_S = 120
# SIGTERM to SIGKILL: more than SHUTDOWN_TIMEOUT_S (25) and the 4 s after it. Railway's own default is 0.
DRAINING_S = 35
# One volume has one owner: the new process finds the data directory taken while the old one runs.
OVERLAP_S = 0


@define_railway
def main(ctx: Mapping[str, str | None]) -> Project:
    """The whole of it. The CLI looks for a function of this name, and gives it the linked project and environment."""
    data = volume("vectorspace-data", {"region": REGION} if REGION else {})
    vectorspace = service(
        "vectorspace",
        source=github(REPOSITORY, branch=BRANCH) if REPOSITORY else None,
        replicas={REGION: 1} if REGION else None,
        build={
            "builder": "DOCKERFILE",
            "dockerfilePath": DOCKERFILE,
            # What the image is made from; a change of anything else deploys nothing.
            "watchPatterns": [
                "/Dockerfile.alpine",
                "/.dockerignore",
                "/requirements.txt",
                "/app/**",
                "/kernels/**",
                "/models/**",
                "/musl/**",
                "/scripts/image/**",
            ],
        },
        healthcheck="/health",
        # A start that fails ends at once; this long may a healthy one take, on a shared CPU, with a large store.
        healthcheckTimeout=HEALTHCHECK_TIMEOUT_S,
        deploy={
            # A process that can serve no more ends with a code other than 0: no health check is asked after the deploy.
            "restartPolicyType": "ON_FAILURE",
            "restartPolicyMaxRetries": 5,
            "drainingSeconds": DRAINING_S,
            "overlapSeconds": OVERLAP_S,
        },
        volumeMounts={DATA_DIRECTORY: data},
        # An apply deletes a variable that is not here: name what you set elsewhere as well, as `preserve()`.
        env={
            "ENVIRONMENT": "production",
            # Kept as it is set in Railway: `railway variable set API_KEY=$(openssl rand -hex 32)`.
            "API_KEY": preserve(),
            "PORT": str(PORT),
            # Root only until the volume is handed over; then the service becomes the image's RUN_AS_UID.
            "RAILWAY_RUN_UID": "0",
            # Said above as well: fields of `build` and `deploy` have been lost on the way (railwayapp/cli issue 1199).
            "RAILWAY_DOCKERFILE_PATH": DOCKERFILE,
            "RAILWAY_HEALTHCHECK_TIMEOUT_SEC": str(HEALTHCHECK_TIMEOUT_S),
            "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": str(DRAINING_S),
            "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS": str(OVERLAP_S),
        },
    )
    # Its own name, so that an apply renames nothing.
    name = ctx.get("projectName") or "vectorspace"
    return project(name, resources=[data, vectorspace, *([postgres("postgres")] if POSTGRES else [])])
