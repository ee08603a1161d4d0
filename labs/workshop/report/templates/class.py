# %% [markdown]
# # What was learnt

# %% tags=["parameters"]
data = ""

# %%
from labs.workshop.report import report

room = report.load(data)
report.heading(room)

# %% [markdown]
# ## Exercises
#
# *Minutes* and *checks* are medians of those who solved it; minutes count from the exercise before, or from when the
# lesson was opened. The last column is what a check saw most often where it is not solved.

# %%
report.exercises(room)

# %% [markdown]
# ## Topics and the exam's domains
#
# Of this workshop's exercises, all learners together; an exercise counts wherever it practises something.

# %%
report.topics(room)

# %% [markdown]
# ## Learners

# %%
report.learners(room)
