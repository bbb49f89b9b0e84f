"""Work on its way: jobs, the engines that run them and the scheduler that orders them."""
