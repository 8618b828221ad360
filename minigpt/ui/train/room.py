"""The room that a page which moves by itself keeps for what is still to come.

What comes later has its place from the beginning, as high as it will be: so nothing that a person
looks at, or is about to press, moves while a run trains.
"""

CURVE = 340  # px: the live chart, the resting one, and the words before there is any
ANSWERS = 200
SAMPLE = 180
BADGE = 96  # wide

# On a phone buttons lose their pictures and numbers their size: each stay in one row.
STYLE = f"""<style>
.st-key-steering {{ min-height: 2.5rem; }}
.st-key-plan {{ min-height: 8.5rem; }}
.st-key-curve {{ min-height: {CURVE}px; }}
.st-key-answers {{ min-height: calc({ANSWERS}px + 6rem); }}
.st-key-curve-words {{ min-height: 12rem; }}
.st-key-numbers [data-testid="stMetric"] {{ min-height: 7.5rem; }}
.st-key-numbers [data-testid="stColumn"] {{ min-width: 0; }}
.stMultiSelect [data-tag] {{ height: auto; }}
.stMultiSelect [data-tag] span {{ white-space: normal; overflow-wrap: anywhere; }}
@media (max-width: 640px) {{
  .st-key-run-heading h3 {{ font-size: 1.1rem; padding: 0; }}
  .st-key-steering button {{ padding: 0.25rem 0.6rem; }}
  .st-key-steering button span:has(> [data-testid="stIconMaterial"]) {{ display: none; }}
  .st-key-curve-words {{ min-height: 20rem; }}
  .st-key-numbers [data-testid="stMetric"] {{ min-height: 6.4rem; padding: 0; }}
  .st-key-numbers [data-testid="stMetric"] > div {{ padding: 0.4rem 0.5rem; }}
  .st-key-numbers [data-testid="stMetric"] * {{ white-space: normal; }}
  .st-key-numbers [data-testid="stMetricValue"] {{ font-size: 1.15rem; line-height: 1.4; }}
  .st-key-numbers [data-testid="stMetricLabel"] p,
  .st-key-numbers [data-testid="stMetricDelta"] {{ font-size: 0.75rem; line-height: 1.2; }}
}}
</style>"""
