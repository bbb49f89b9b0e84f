"""Networks: blocks, attention, encoder, decoder, head, MQN, pretrained weights, cost, and where a plan may cut."""
