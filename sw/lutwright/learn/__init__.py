"""The learner: nearest class mean in subspaces (TILDA), one example at a time, in integers, as the hardware does it.

    config = LearnerConfig(features=64, subspaces=8, anchors=4, classes=10)
    learner = Learner(config)
    learner.learn(codes, 3)            # one example of class 3: integers [64]
    learner.predict(codes).label       # 3

`LearnerConfig` holds the parameters, `Learner` learns, `Result` is its answer and `Status` the bits in it; `Views` are
the crops and flips of an image in the order of the hardware. `learn.module` is the learner for PyTorch,
`learn.floating` the same in floats, `learn.file` the state file, `learn.codes` the way from float features to codes.
The rule and its proof are in docs/learner.md.
"""

from lutwright.learn.config import LearnerConfig
from lutwright.learn.reference import Learner
from lutwright.learn.result import Answers, Result, Status
from lutwright.learn.versions import Views, views

__all__ = ["Answers", "Learner", "LearnerConfig", "Result", "Status", "Views", "views"]
