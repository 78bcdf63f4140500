"""Wrong black-box meta-learners, the frequent mistakes first."""

from autograder.mutants import Mutant

MUTANTS = [
    Mutant(
        "cross entropy over the wrong axis",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
                "F.cross_entropy(preds[:, -1], labels[:, -1])",
            ),
        ),
        ("test_loss_is_cross_entropy",),
    ),
    Mutant(
        "only the last label is hidden",
        (
            (
                "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
                ("input_labels.clone()\n        seen_labels[:, -1, -1] = 0"),
            ),
        ),
        ("test_query_labels_never_reach_the_network",),
    ),
    Mutant(
        "no label is hidden",
        (("torch.cat([input_labels[:, :-1], hidden_labels], dim=1)", "input_labels"),),
        ("test_query_labels_never_reach_the_network",),
    ),
    Mutant(
        "all labels are hidden",
        (("torch.cat([input_labels[:, :-1], hidden_labels], dim=1)", "torch.zeros_like(input_labels)"),),
        ("test_support_labels_reach_the_network",),
    ),
    Mutant(
        "row 1 instead of the last is hidden",
        (
            (
                "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
                ("input_labels.clone()\n        seen_labels[:, 1] = 0"),
            ),
        ),
        ("test_query_labels_never_reach_the_network", "test_support_labels_reach_the_network"),
    ),
    Mutant(
        "the caller's labels are overwritten",
        (
            (
                "torch.cat([input_labels[:, :-1], hidden_labels], dim=1)",
                ("input_labels\n        seen_labels[:, -1] = 0"),
            ),
        ),
        ("test_the_callers_labels_stay_as_they_were",),
    ),
    Mutant(
        "softmax in forward",
        (("return logits.reshape(B, rows, N, N)", "return logits.reshape(B, rows, N, N).softmax(dim=-1)"),),
        ("test_outputs_are_logits",),
    ),
    Mutant(
        "softmax over the queries in forward",
        (("return logits.reshape(B, rows, N, N)", "return logits.reshape(B, rows, N, N).softmax(dim=2)"),),
        ("test_outputs_are_logits",),
    ),
    Mutant("a sequence is returned", (("return logits.reshape(B, rows, N, N)", "return logits"),), ("test_shape",)),
    Mutant(
        "a shape that fits only N = K + 1",
        (("return logits.reshape(B, rows, N, N)", "return logits.reshape(B, N, rows, N)"),),
        ("test_shape",),
    ),
    Mutant(
        "class by class: queries before later support",
        (
            (
                "sequence = torch.cat([input_images, seen_labels], dim=-1).reshape(B, rows * N, -1)",
                "sequence = torch.cat([input_images, seen_labels], dim=-1).transpose(1, 2).reshape(B, rows * N, -1)",
            ),
        ),
        ("test_every_query_comes_after_the_whole_support",),
    ),
    Mutant(
        "the sequence runs over the batch",
        (
            (
                "states, _ = self.layer1(sequence)",
                ("states, _ = self.layer1(sequence.transpose(0, 1))\n        states = states.transpose(0, 1)"),
            ),
        ),
        ("test_episodes_of_a_batch_are_independent",),
    ),
    Mutant(
        "loss over all rows",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
                "F.cross_entropy(preds.reshape(-1, N), labels.reshape(-1, N).argmax(dim=-1))",
            ),
        ),
        ("test_loss_looks_at_the_query_only",),
    ),
    Mutant(
        "loss of row 1 instead of the last",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
                "F.cross_entropy(preds[:, 1].reshape(-1, N), labels[:, 1].reshape(-1, N).argmax(dim=-1))",
            ),
        ),
        ("test_loss_looks_at_the_query_only",),
    ),
    Mutant(
        "loss of the last query only",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
                "F.cross_entropy(preds[:, -1, -1], labels[:, -1, -1].argmax(dim=-1))",
            ),
        ),
        ("test_loss_is_cross_entropy",),
    ),
    Mutant(
        "loss of the first episode only",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), labels[:, -1].reshape(-1, N).argmax(dim=-1))",
                "F.cross_entropy(preds[0, -1], labels[0, -1].argmax(dim=-1))",
            ),
        ),
        ("test_loss_is_cross_entropy",),
    ),
    Mutant(
        "softmax before the cross entropy",
        (
            (
                "F.cross_entropy(preds[:, -1].reshape(-1, N), ",
                "F.cross_entropy(preds[:, -1].reshape(-1, N).softmax(dim=-1), ",
            ),
        ),
        ("test_loss_is_cross_entropy",),
    ),
    Mutant(
        "summed instead of averaged",
        ((".argmax(dim=-1))\n", '.argmax(dim=-1), reduction="sum")\n'),),
        ("test_loss_is_cross_entropy",),
    ),
    Mutant(
        "the loss is a number",
        (("labels[:, -1].reshape(-1, N).argmax(dim=-1))\n", "labels[:, -1].reshape(-1, N).argmax(dim=-1)).item()\n"),),
        ("test_loss_can_be_differentiated",),
    ),
    Mutant(
        "detached between the layers",
        (("self.layer2(states)", "self.layer2(states.detach())"),),
        ("test_gradients_reach_both_layers",),
    ),
]
