"""One module for each family of checks; importing this package registers all of them."""

from l2rl.testing.checks import (  # noqa: I001 - in the order in which they run
    declaration as declaration,
    works as works,
    same_again as same_again,
    null_effect as null_effect,
    effect as effect,
    losses as losses,
    gradients as gradients,
    edits as edits,
    expansion as expansion,
    disturbance as disturbance,
    knowledge as knowledge,
    elsewhere as elsewhere,
    compiled as compiled,
    cost as cost,
)
