"""Plain functions on arrays, and the families of checks that any question may use.

    from autograder.shapes.functions.checks import assert_flows, assert_order_is_nothing, assert_same

    def test_prototype_is_the_mean_of_its_class(student, reference, draw):
        '''A prototype is the mean of its class's features.'''
        features, labels = draw.normal(6, 4), draw.labels(3, 2)
        assert_same(student.prototypes, reference.prototypes, "prototypes", features, labels)

    def test_gradient_flows_through_prototypes(student, reference, draw):
        '''The gradient flows through the prototypes to the features.'''
        given = {"features": draw.normal(6, 4), "labels": draw.labels(3, 2)}
        assert_flows(student.prototypes, reference.prototypes, ["features"], draw.rng, "gradient", **given)

The probe makes its tensors by values.as_tensor, and returns after the answer what it was given, under its name:

    @in_double
    def prototypes(module, features: Annotated[Array, "n, D"], labels: Array) -> Prototypes:
        given = as_tensor(features)
        return Prototypes(module.ProtoNet()._prototypes(given, torch.tensor(labels)), given)
"""
