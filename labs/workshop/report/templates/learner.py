# %% [markdown]
# # Your workshop

# %% tags=["parameters"]
data = ""
learner = ""

# %%
from labs.workshop.report import report

room = report.load(data)
report.heading(room, learner)

# %% [markdown]
# ## What you solved

# %%
report.exercises_of(room, learner)

# %% [markdown]
# ## Of the exam
#
# The exercises of the whole course that practise each of the exam's domains, and how many of them you have solved.
# What is open is what to practise next; the course runs on your own machine, too.

# %%
report.topics(room, learner)
