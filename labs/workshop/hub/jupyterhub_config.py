"""The hub's settings; what differs from one workshop to the next is in the workshop's folder."""

import sys
from typing import TYPE_CHECKING

from labs.workshop.hub.accounts import Workshop
from labs.workshop.hub.authenticator import CodeAuthenticator
from labs.workshop.hub.spawner import LearnerSpawner

if TYPE_CHECKING:  # JupyterHub defines a `get_config` of its own in this file
    from traitlets.config.application import get_config

c = get_config()
workshop = Workshop()
settings = workshop.settings()
accounts = workshop.accounts()
instructors = {name for name, account in accounts.items() if account.admin}
host = workshop.engine.network.host

c.JupyterHub.bind_url = f"http://{settings['bind']}:{settings['port']}"
c.JupyterHub.hub_bind_url = f"http://{host}:{settings['hub_port']}"  # learners' servers reach this address only
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1", "::1"]  # the web server with the certificate
c.JupyterHub.db_url = f"sqlite:///{workshop.folder / 'jupyterhub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(workshop.folder / "cookie-secret")
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings['proxy_api_port']}"
c.ConfigurableHTTPProxy.auth_token = settings["proxy_token"]
# a hub that ends, or is killed, leaves everybody's server and the proxy alone, and takes them up when it is back
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.spawner_class = LearnerSpawner
c.JupyterHub.authenticator_class = CodeAuthenticator
c.JupyterHub.concurrent_spawn_limit = 0  # who comes too early would be sent away; the spawner has them wait
c.JupyterHub.init_spawners_timeout = 30
c.JupyterHub.template_vars = {"announcement_login": "The password is the code on your sheet."}
c.Authenticator.allowed_users = set(accounts)
c.Authenticator.admin_users = instructors
c.Authenticator.delete_invalid_users = True
c.Spawner.start_timeout = 900  # the wait for all others included
c.Spawner.http_timeout = 60
c.Spawner.default_url = "/lab"
c.JupyterHub.load_roles = [
    {
        "name": "instructor",
        "description": "Enters learners' servers to help",
        "scopes": ["access:servers", "admin-ui", "admin:servers", "list:users", "read:users"],
        "users": sorted(instructors),
    }
]
if settings["cull_minutes"]:
    c.JupyterHub.load_roles.append(
        {
            "name": "idle-culler",
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
            "services": ["idle-culler"],
        }
    )
    timeout = f"--timeout={60 * settings['cull_minutes']}"
    c.JupyterHub.services = [
        {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", timeout]}
    ]
