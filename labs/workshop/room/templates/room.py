# %% [markdown]
# # The room
#
# Who is at which exercise, since when, and what most get wrong. Learners were told that you see this; who did not want to
# be named has a number instead, such as *seat 5*. Click a cell to see what the last check saw.

# %% tags=["parameters"]
workshop = "workshop"
context = ""
kubeconfig = ""
own = True

# %%
from labs import views
from labs.workshop.room.cluster import Cluster
from labs.workshop.room.room import Room

room = Room(Cluster.named(context, kubeconfig, own=own), workshop)
views.room(room)

# %% [markdown]
# ## One learner's objects
#
# Choose whom you help, and look at what they have in the cluster, as it changes.

# %%
from labs.workshop.room.chooser import chooser

chooser(room)
