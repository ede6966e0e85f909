"""The CNN against LightGBM on the same images: python tests/benchmarks/particleimages_models.py [--n 100000]

LightGBM sees the 23 shower shapes of the lesson; it gets the best of three tree sizes on the validation images, and
stops early there. The CNN of the lesson sees the energies, the residual network energies and shapes, and in training
also what happened to each particle; each keeps its best epoch on the same images. "Trees, groups" are told what
happened, too: the chosen trees, with the groups as classes. The test images are used once. Images come from the stream
(and are kept), 22 s for 100,000 on one core and 8 kB of memory each. With --real the same models are measured on
real images, which took no part in their training.
"""

import argparse
import time

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from common.metrics import bootstrap
from common.training import fit, seed_everything
from ParticleImages import data, model, residual


def trees_of(leaves, rounds, seed):
    return lightgbm.LGBMClassifier(
        n_estimators=rounds, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.5, random_state=seed, n_jobs=1, verbose=-1,
    )  # fmt: skip


def train_trees(train, valid, seed):
    stop = lightgbm.early_stopping(50, verbose=False)
    models = [
        trees_of(leaves, 400, seed).fit(*train, eval_set=[valid], eval_metric="auc", callbacks=[stop])
        for leaves in (15, 31, 63)
    ]
    return max(models, key=lambda m: roc_auc_score(valid[1], m.predict_proba(valid[0])[:, 1]))


def train_cnn(x, y, n, args):
    """The CNN of the lesson on the energies; split -> probabilities, and what is to be said of it."""
    seed_everything(args.seed)
    cnn = model.CNN(x["train"].shape[1], args.width, args.dropout, args.hidden)
    history = fit(
        cnn,
        (x["train"][:n], y["train"][:n]),
        (x["valid"], y["valid"]),
        seed=args.seed,
        loss=binary_cross_entropy_with_logits,
        score=roc_auc_score,
        epochs=args.epochs,
        batch_size=args.batch_size,
        lr=args.lr,
        weight_decay=0.05,
        progress=False,
    )
    about = f"{history.best_score:.4f}, epoch {history.best_epoch + 1} of {args.epochs}"
    return lambda split: model.probability(cnn, x[split]), about


def train_residual(joined, y, happened, shapes, n, args):
    """The network that sees image and shapes and learns what happened; returns as `train_cnn`."""
    seed_everything(args.seed)
    network = residual.ImageAndShapes(shapes["train"][:n])
    history = fit(
        network,
        (joined["train"][:n], happened["train"][:n]),
        (joined["valid"], happened["valid"]),
        seed=args.seed,
        loss=cross_entropy,
        score=lambda _, logits: roc_auc_score(y["valid"], residual.electron_logit(logits)),
        epochs=args.residual_epochs,
        batch_size=256,
        lr=3e-3,
        weight_decay=0.05,
        progress=False,
    )
    about = f"{history.best_score:.4f}, epoch {history.best_epoch + 1} of {args.residual_epochs}"
    return lambda split: residual.probability(network, joined[split]), about


def trained(shapes, x, y, happened, n, args):
    """The models that were asked for: name -> (split -> probabilities, what is to be said of it)."""
    start = time.perf_counter()

    def seconds():
        nonlocal start
        start, before = time.perf_counter(), start
        return f"{start - before:.0f} s"

    trees = train_trees((shapes["train"][:n], y["train"][:n]), (shapes["valid"], y["valid"]), args.seed)
    valid = roc_auc_score(y["valid"], trees.predict_proba(shapes["valid"])[:, 1])
    models = {
        "trees": (
            lambda split: trees.predict_proba(shapes[split])[:, 1],
            f"{valid:.4f}, {trees.num_leaves} leaves, {trees.best_iteration_} trees, {seconds()}",
        )
    }
    if "CNN" in args.models:
        cnn, about = train_cnn(x, y, n, args)
        models["CNN"] = cnn, f"{about}, {seconds()}"
    if "residual" in args.models:
        joined = {split: residual.together(x[split], shapes[split]) for split in x}
        network, about = train_residual(joined, y, happened, shapes, n, args)
        models["residual network"] = network, f"{about}, {seconds()}"
    if "groups" in args.models:
        told = trees_of(trees.num_leaves, trees.best_iteration_, args.seed)
        told.fit(shapes["train"][:n], happened["train"][:n])
        models["trees, groups"] = (
            lambda split: told.predict_proba(shapes[split])[:, 3:].sum(axis=1),
            "the same size and number of trees for each group",
        )
    return models


def scores_on(split, models):
    """Probabilities of each model, and of the mean of the logits of trees and each network."""
    scores = {name: predict(split) for name, (predict, _) in models.items()}
    for name in ("CNN", "residual network"):
        if name in models:
            scores[f"trees and {name}"] = model.combine(scores["trees"], scores[name])
    return scores


def report(models, y, n, with_real):
    """Print AUC, interval and difference from the trees of each model."""
    scores = scores_on("test", models)
    copies = dict(zip(scores, bootstrap(roc_auc_score, y["test"], *scores.values()), strict=True))
    for name, score in scores.items():
        low, high = np.quantile(copies[name], [0.025, 0.975])
        about = models.get(name, (None, "mean of the two logits"))[1]
        print(f"{n:7,}   {name:26} {roc_auc_score(y['test'], score):.4f}    {low:.4f} to {high:.4f}    {about}")
    for name in list(scores)[1:]:
        low, high = np.quantile(copies[name] - copies["trees"], [0.025, 0.975])
        difference = roc_auc_score(y["test"], scores[name]) - roc_auc_score(y["test"], scores["trees"])
        print(f"{n:7,}   {name + ' - trees':34} {difference:+.4f}, 95 % {low:+.4f} to {high:+.4f}", flush=True)
    if with_real:
        for name, score in scores_on("real", models).items():
            error = bootstrap(roc_auc_score, y["real"], score)[0].std()
            auc = roc_auc_score(y["real"], score)
            print(f"{n:7,}   {name:26} on {len(score)} real images {auc:.3f} +- {error:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100_000], help="training images")
    parser.add_argument("--test", type=int, default=20_000, help="validation and test images, so many each")
    parser.add_argument(
        "--models", nargs="*", choices=("CNN", "residual", "groups"), default=["CNN", "residual", "groups"],
        help="beside the trees",
    )  # fmt: skip
    parser.add_argument("--width", type=int, default=20)
    parser.add_argument("--hidden", type=int, default=96)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--residual-epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--real", metavar="SAMPLE.npz", help="real images, see particleimages_fidelity.py")
    args = parser.parse_args()

    shapes, x, y, happened = {}, {}, {}, {}
    for split, n in (("train", max(args.n)), ("valid", args.test), ("test", args.test)):
        part = data.load(split, n, workers=1)
        shapes[split], y[split] = model.shower_shapes(part.X), part.y.astype("f4")
        x[split], happened[split] = model.network_input(part.X), residual.groups(part)
    if args.real:
        part = data.read_excerpt(args.real)
        shapes["real"], x["real"], y["real"] = model.shower_shapes(part.X), model.network_input(part.X), part.y
    del part
    print("images    model                      AUC       95 %                on validation")
    for n in args.n:
        report(trained(shapes, x, y, happened, n, args), y, n, with_real=bool(args.real))


if __name__ == "__main__":
    main()
