"""What others use on tables of numbers: XGBoost, CatBoost, and TabM, an ensemble of networks that share their weights.

Each `name: (train, valid, features, seed) -> (samples -> probability of class 1)` chooses its size on the validation
samples where it has one, as `quality.trees` does for LightGBM. The packages come with `make bench`; where one is
missing, it is left out with a message. Foundation models for tables (TabPFN, TabICL) download their weights when they
are first used, so they have no row.
"""

from functools import partial
from importlib.util import find_spec

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import QuantileTransformer
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, predict, seed_everything

DEPTHS = 4, 6, 8


def best_depth(make, X, y, X_valid, y_valid, **options):
    """Of the models make(depth), fitted with the validation samples at hand, the one with the best AUC on these."""
    models = [make(depth).fit(X, y, eval_set=[(X_valid, y_valid)], **options) for depth in DEPTHS]
    return max(models, key=lambda model: roc_auc_score(y_valid, model.predict_proba(X_valid)[:, 1]))


def xgboost(train, valid, features, seed):
    from xgboost import XGBClassifier

    def make(depth):
        return XGBClassifier(
            n_estimators=1000, learning_rate=0.05, max_depth=depth, subsample=0.8, colsample_bytree=0.5,
            early_stopping_rounds=50, eval_metric="auc", random_state=seed, n_jobs=1,
        )  # fmt: skip

    model = best_depth(make, features(train.X), train.y, features(valid.X), valid.y, verbose=False)
    return lambda X: model.predict_proba(features(X))[:, 1]


def catboost(train, valid, features, seed):
    from catboost import CatBoostClassifier

    def make(depth):
        return CatBoostClassifier(
            iterations=1000, learning_rate=0.05, depth=depth, early_stopping_rounds=50, eval_metric="AUC",
            random_seed=seed, thread_count=1, allow_writing_files=False, verbose=False,
        )  # fmt: skip

    model = best_depth(make, features(train.X), train.y, features(valid.X), valid.y)
    return lambda X: model.predict_proba(features(X))[:, 1]


def tabm(train, valid, features, seed, epochs=15):
    """TabM (Gorishniy, Kotelnikov, Babenko 2025, arXiv:2410.24210): 32 networks, piecewise linear embeddings.

    Batches, rate and weight decay are those of its authors' example; the blocks have 256 numbers instead of 512, and
    the one-cycle rate of the course ends after 15 epochs.
    """
    from rtdl_num_embeddings import PiecewiseLinearEmbeddings, compute_bins
    from tabm import TabM

    scale = QuantileTransformer(output_distribution="normal", random_state=seed).fit(features(train.X))
    X, X_valid = (scale.transform(features(part.X)).astype(np.float32) for part in (train, valid))
    seed_everything(seed)
    bins = compute_bins(torch.from_numpy(X))
    embeddings = PiecewiseLinearEmbeddings(bins, d_embedding=16, activation=False, version="B")
    model = TabM.make(n_num_features=X.shape[1], d_out=1, num_embeddings=embeddings, d_block=256)

    def loss(logits, y):  # (n, 32, 1): each of the networks learns for itself
        return binary_cross_entropy_with_logits(logits[..., 0], y[:, None].expand(logits.shape[:2]))

    def probability(logits):
        return torch.sigmoid(torch.from_numpy(logits[..., 0])).mean(1).numpy()

    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=loss,
        score=lambda y, logits: roc_auc_score(y, probability(logits)), epochs=epochs, batch_size=256, lr=2e-3,
        weight_decay=3e-4, seed=seed, progress=False)  # fmt: skip
    return lambda X: probability(predict(model, scale.transform(features(X)).astype(np.float32)))


ALL = {"XGBoost": ("xgboost", xgboost), "CatBoost": ("catboost", catboost), "TabM": ("tabm", tabm)}


def models(train, valid, features, of=""):
    """{name of a peer that is installed: callable seed -> (samples -> probability of class 1)}."""
    found = {}
    for name, (package, make) in ALL.items():
        if find_spec(package) is None:
            print(f"{name}: left out, it is not installed", flush=True)
        else:
            found[name + of] = partial(make, train, valid, features)
    return found
