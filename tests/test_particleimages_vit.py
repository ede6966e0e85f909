"""The vision transformer: its patches, its attention and what it learns."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, predict, seed_everything
from ParticleImages import data, vit
from ParticleImages.model import network_input


@pytest.fixture(scope="module")
def part():
    return data.load("valid", 1000)


@pytest.fixture(scope="module")
def x(part):
    return network_input(part.X, "energy")


def test_patches_are_rectangles_in_reading_order(x):
    patches = vit.cut(torch.from_numpy(x[:2]), (5, 3)).numpy()
    assert patches.shape == (2, 27, 30)
    for row, column in [(0, 0), (1, 4), (2, 8)]:
        rectangle = x[:2, :, 5 * row : 5 * row + 5, 3 * column : 3 * column + 3]
        np.testing.assert_array_equal(patches[:, 9 * row + column], rectangle.reshape(2, 30))
    middle = patches[:, 13].reshape(2, 2, 5, 3)[:, :, 2, 1]
    np.testing.assert_array_equal(middle, x[:2].max(axis=(2, 3)))  # the hottest crystal is in the centre


def test_patches_that_do_not_fit():
    with pytest.raises(ValueError, match="4 x 3 do not fill an image of 15 x 27"):
        vit.cut(torch.zeros(1, 2, 15, 27), (4, 3))


@pytest.mark.parametrize("patch", [(3, 3), (5, 3), (15, 9)])
def test_shapes_and_attention_that_sums_to_one(x, patch):
    model = vit.ViT(patch=patch, depth=2, heads=4)
    t = 1 + model.grid[0] * model.grid[1]
    assert model(torch.from_numpy(x[:3])).shape == (3,)
    weights = vit.attention(model, x[:3])
    assert weights.shape == (3, 2, 4, t, t)
    rolled = vit.rollout(weights)
    for each in (weights, rolled):
        assert (each >= 0).all()
        np.testing.assert_allclose(each.sum(axis=-1), 1, atol=1e-5)
    images = vit.from_class_token(weights, model.grid)
    assert images.shape == (3, 2, 4, *model.grid)
    np.testing.assert_array_equal(images[0, 1, 2, 0, 1], weights[0, 1, 2, 0, 2])


def test_rollout_of_attention_to_oneself_stays_there():
    weights = np.broadcast_to(np.eye(5), (2, 3, 4, 5, 5))
    np.testing.assert_array_equal(vit.rollout(weights), np.broadcast_to(np.eye(5), (2, 5, 5)))


def test_rollout_multiplies_later_blocks_from_the_left():
    first, second = np.array([[0.0, 1, 0], [0, 1, 0], [0, 0, 1]]), np.array([[0.0, 0, 1], [0, 1, 0], [0, 0, 1]])
    rolled = vit.rollout(np.stack([first, second])[None, :, None])
    np.testing.assert_allclose(rolled[0, 0], [0.25, 0.25, 0.5])


def test_attend_does_the_example_of_the_lesson():
    key = np.log([[1.0, 1, 1, 1], [2, 1, 1, 1], [4, 3, 1, 1]])
    seen, weights = vit.attend(np.array([[2.0, 0, 0, 0]]), key, np.array([[7.0], [0], [14]]))
    np.testing.assert_allclose(weights, [[1 / 7, 2 / 7, 4 / 7]])
    np.testing.assert_allclose(seen, [[9]])


def test_reading_the_tokens_is_the_model(x):
    x = torch.from_numpy(x[:4])
    model = vit.ViT().eval()
    torch.testing.assert_close(model.read(model.tokens(x)), model(x))


def test_only_positions_tell_where_a_patch_is(x):
    x = torch.from_numpy(x[:4])
    swapped = x.clone()
    swapped[:, :, :5, :3], swapped[:, :, 5:10, 12:15] = x[:, :, 5:10, 12:15], x[:, :, :5, :3]
    for position in (False, True):
        model = vit.ViT(position=position).eval()
        same = torch.allclose(model(x), model(swapped), atol=1e-5)
        assert same is not position
    assert vit.count(vit.ViT()) - vit.count(vit.ViT(position=False)) == 27 * 32


def test_it_learns_and_is_repeatable(part, x):
    y = part.y.astype(np.float32)
    answers = []
    for _ in range(2):
        seed_everything(0)
        model = vit.ViT(depth=1)
        fit(
            model, (x[:800], y[:800]), (x[800:], y[800:]), loss=binary_cross_entropy_with_logits,
            score=roc_auc_score, epochs=8, batch_size=16, lr=3e-3, progress=False,
        )  # fmt: skip
        answers.append(predict(model, x))
    np.testing.assert_array_equal(*answers)
    assert roc_auc_score(part.y, answers[0]) > 0.64
